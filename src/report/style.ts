/** The report's style: system fonts, light and dark, every state marked by a sign or a word as well as its colour. */
export const STYLE = `
:root{color-scheme:light dark;--page:#f5f6f8;--card:#fff;--ink:#1b2126;--quiet:#616e79;--line:#e3e8ec;--empty:#e6ebef;--well:#1a7f4b;--late:#a85600;--never:#c0262d;--well-soft:#e2f3e9;--late-soft:#fcefdc;--never-soft:#fbe6e6;--blue:#2f6fb3;--pale:#a9c8e8}
@media(prefers-color-scheme:dark){:root{--page:#101418;--card:#181e24;--ink:#e6ebef;--quiet:#97a5b1;--line:#28323a;--empty:#28323a;--well:#4cc38a;--late:#f0a44a;--never:#f5838a;--well-soft:#143324;--late-soft:#3a2a14;--never-soft:#3d1d20;--blue:#6aa7e6;--pale:#34567a}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;-webkit-text-size-adjust:100%}
main{margin:0 auto;max-width:72rem;padding:2rem 1.5rem}
h1{margin:0;font-size:1.6rem;line-height:1.25;font-weight:650;letter-spacing:-.01em}
h2{margin:0 0 .75rem;font-size:1rem;font-weight:650}
header p,section p,footer{margin:.25rem 0;color:var(--quiet)}
section p{margin:-.5rem 0 .75rem}
footer{margin-top:1.5rem;font-size:.85rem}
.share{display:flex;gap:2px;height:8px;margin:1.25rem 0 .5rem;overflow:hidden;border-radius:4px}
.share span{min-width:4px}.share .well{background:var(--well)}.share .late{background:var(--late)}.share .never{background:var(--never)}
.key{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin:0;padding:0;list-style:none;font-size:.9rem}
.tiles,section{background:var(--card);border:1px solid var(--line);border-radius:.75rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));margin:1.5rem 0 0;overflow:hidden}
.tiles div{padding:1rem 1.25rem;box-shadow:1px 1px 0 var(--line)}
dt{color:var(--quiet);font-size:.85rem}dd{margin:0;font-size:1.3rem;line-height:1.35;font-weight:600;font-variant-numeric:tabular-nums;white-space:nowrap}
section{margin-top:1.25rem;padding:1.25rem}
.odd{margin:0;padding:0;list-style:none}
.odd li{padding:.15rem 0 .15rem .9rem;border-left:3px solid var(--late);overflow-wrap:anywhere}
.odd li+li{margin-top:.4rem}
.odd b{font-weight:600}
details .odd{margin-top:.3rem}summary{margin-top:.6rem;color:var(--blue);cursor:pointer}
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.5rem .75rem;border-top:1px solid var(--line);text-align:left;vertical-align:middle;font-weight:normal;white-space:nowrap}
th:first-child,td:first-child{padding-left:0}th:last-child,td:last-child{padding-right:0}
thead th{padding-top:0;border-top:0;color:var(--quiet);font-size:.85rem}
tbody th,.archive,.result,.verified{white-space:normal;overflow-wrap:break-word}
tbody th,.archive{font-weight:500}.hosts th:first-child,.result{width:99%}.archive{min-width:11rem}.result{min-width:10rem;overflow-wrap:anywhere}.verified>span:first-child{white-space:nowrap}
.right{text-align:right}.quiet{color:var(--quiet)}
.host{display:flex;gap:.6rem}.host>span:last-child{min-width:0}
.sign{flex:none;width:1.35rem;height:1.35rem;margin-top:.05rem;border-radius:50%;font-size:.8rem;line-height:1.35rem;font-weight:700;text-align:center}
.pill{display:inline-block;padding:0 .5rem;border-radius:1rem;font-size:.85rem;font-weight:600;white-space:nowrap}
.sign.well,.pill.finished{background:var(--well-soft);color:var(--well)}
.sign.late,.pill.partial{background:var(--late-soft);color:var(--late)}
.sign.never,.pill.failed,.pill.damaged{background:var(--never-soft);color:var(--never)}
svg{display:block;width:100%;height:auto}
svg.calendar{width:210px;height:14px}svg.line{width:64px;height:18px}
.calendar rect{fill:var(--empty)}.calendar .finished{fill:var(--well)}.calendar .partial,.calendar .hidden{fill:var(--late)}.calendar .damaged,.calendar .stopped,.calendar .unfinished{fill:var(--never)}.calendar .running{fill:var(--blue)}
.line polyline,.edge{fill:none;stroke:var(--blue);stroke-width:1.5;stroke-linejoin:round}
.area{fill:var(--blue);opacity:.16}.edge{stroke-width:2}
.sent{fill:var(--blue)}.sent.failed{fill:var(--never)}.copied{fill:var(--pale)}
.grid{stroke:var(--line)}.axis{fill:var(--quiet);font-size:11px}.axis.end{text-anchor:end}
@media(max-width:66rem){.sizes{display:none}}
@media(max-width:56rem){.wide{display:none}}
@media(max-width:40rem){main{padding:1rem .75rem}h1{font-size:1.3rem}section{padding:1rem}th,td{padding:.45rem .5rem}.narrow{display:none}tbody th,.archive{overflow-wrap:anywhere}.archive,.result{min-width:0}.result{width:auto}.axis{font-size:20px}.result .pill{display:table}dd{font-size:1.1rem}}
@media print{body{background:none}section{break-inside:avoid}}
`;
