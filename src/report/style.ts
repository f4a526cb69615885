/** The report's style: system fonts, light and dark, every state marked by a sign or a word as well as its colour. */
export const STYLE = `
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2328;--quiet:#66727c;--line:#dde3e8;--soft:#f4f6f8;--well:#1a7f4b;--late:#b35c00;--never:#c0262d;--blue:#2f6fb3;--pale:#a9c8e8}
@media(prefers-color-scheme:dark){:root{--paper:#14191d;--ink:#e4e9ed;--quiet:#93a1ac;--line:#2c363e;--soft:#1c2329;--well:#4cc38a;--late:#f0a44a;--never:#f2727a;--blue:#6aa7e6;--pale:#34567a}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:68rem;padding:1.25rem;background:var(--paper);color:var(--ink);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{margin:0;font-size:1.4rem}h1.well{color:var(--well)}h1.late{color:var(--late)}
h2{margin:2rem 0 .5rem;font-size:1.05rem}
header p,section p,footer{margin:.2rem 0;color:var(--quiet)}footer{margin-top:2rem;font-size:.85rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(7.5rem,1fr));gap:.6rem;margin:1.2rem 0}
.tiles div{padding:.6rem .8rem;border-radius:.5rem;background:var(--soft)}
dt{color:var(--quiet);font-size:.8rem}dd{margin:0;font-size:1.15rem;font-variant-numeric:tabular-nums}
.odd{margin:0;padding:.6rem .8rem .6rem 1.8rem;border-left:3px solid var(--late);background:var(--soft);overflow-wrap:anywhere}
.scroll{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:middle;font-weight:normal;white-space:nowrap}
thead th{color:var(--quiet);font-size:.8rem}
.right{text-align:right}.quiet{color:var(--quiet)}.result{white-space:normal;overflow-wrap:anywhere}
.sign{display:inline-block;width:1.2em;font-weight:bold;text-align:center}
.sign.well,b.finished{color:var(--well)}.sign.late,b.partial{color:var(--late)}.sign.never,b.failed,b.never{color:var(--never)}
svg{display:block;width:100%;height:auto}
svg.calendar{width:240px;height:14px}svg.line{width:60px;height:16px}
.calendar rect{fill:var(--line)}.calendar .finished{fill:var(--well)}.calendar .partial,.calendar .hidden{fill:var(--late)}.calendar .damaged,.calendar .stopped,.calendar .unfinished{fill:var(--never)}.calendar .running{fill:var(--blue)}
.line polyline{fill:none;stroke:var(--blue);stroke-width:1.5}
.area,.sent{fill:var(--blue)}.sent.failed{fill:var(--never)}.copied{fill:var(--pale)}
.grid{stroke:var(--line)}.axis{fill:var(--quiet);font-size:11px}.axis.end{text-anchor:end}
@media(max-width:40rem){body{padding:.8rem}.wide{display:none}th,td{padding-right:.5rem}.hosts tbody th{white-space:normal;overflow-wrap:anywhere}}
`;
