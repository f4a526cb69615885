import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../../src/errors.js';
import { formatRate, MAX_RATE, MIN_RATE, parseRate, SPEED_FILE } from '../../src/bandwidth/rate.js';

describe('a rate', () => {
  const MiB = 2 ** 20;
  const accepted: [string, number][] = [
    ['8Mbit', 1e6],
    ['8 Mbit', 1e6],
    ['8mbit/s', 1e6],
    ['8Mbps', 1e6],
    ['8mbps', 1e6],
    ['64kbit', 8000],
    ['64Kbit', 8000],
    ['16000bit', 2000],
    ['1Gbit', 125e6],
    ['8Mibit', MiB],
    ['1M', MiB],
    ['1m', MiB],
    ['1.5M', 1.5 * MiB],
    ['512k', 512 * 1024],
    ['512KiB', 512 * 1024],
    ['512KiB/s', 512 * 1024],
    ['1MB', 1e6],
    ['1MB/s', 1e6],
    ['1kB', 1000],
    ['2000B', 2000],
    ['1GiB', 2 ** 30],
    ['+1M', MiB],
    ['8kbit', MIN_RATE],
    ['1000Gbit', MAX_RATE],
  ];
  for (const [text, rate] of accepted) {
    it(`${text} is ${rate} bytes per second`, () => {
      assert.equal(parseRate(text), rate);
    });
  }

  const refused: [string, RegExp][] = [
    ['0', /zero/],
    ['0Mbit', /zero/],
    ['0.0k', /zero/],
    ['-1M', /negative/],
    ['-0', /negative/],
    ['8', /unit is missing/],
    ['8Mb', /bits or as bytes/],
    ['8mb', /bits or as bytes/],
    ['8b', /bits or as bytes/],
    ['8Mib', /bits or as bytes/],
    ['8MBps', /unknown unit "MBps"/],
    ['8furlong', /unknown unit "furlong"/],
    ['8T', /unknown unit/],
    ['1e6B', /not a rate/],
    ['0x10M', /not a rate/],
    ['1,5M', /not a rate/],
    ['M', /not a rate/],
    ['NaN', /not a rate/],
    ['Infinity', /not a rate/],
    ['', /not a rate/],
    ['1M 2M', /not a rate/],
    ['999999999999999999999999G', /1 Tbit/],
    [`${'9'.repeat(400)}M`, /1 Tbit/],
    ['1001Gbit', /1 Tbit/],
    ['7999bit', /8 kbit/],
    ['1B', /8 kbit/],
  ];
  for (const [text, why] of refused) {
    it(`"${text.slice(0, 30)}" is refused with an example`, () => {
      assert.throws(
        () => parseRate(text),
        (error) =>
          error instanceof Failure &&
          error.kind === 'usage' &&
          why.test(error.message) &&
          /8Mbit/.test(error.hint ?? ''),
      );
    });
  }

  it('without a unit is kbit/s in a speed file', () => {
    assert.equal(parseRate('512', SPEED_FILE), 64_000);
    assert.equal(parseRate('1M', SPEED_FILE), MiB);
    assert.throws(() => parseRate('0', SPEED_FILE), /zero/);
  });

  const echoed: [number | undefined, string][] = [
    [undefined, 'unlimited'],
    [MiB, '1 MiB/s (8.39 Mbit/s)'],
    [1e6, '977 KiB/s (8 Mbit/s)'],
    [8000, '7.81 KiB/s (64 kbit/s)'],
    [1000, '1000 B/s (8 kbit/s)'],
    [1023.9, '1 KiB/s (8.19 kbit/s)'],
    [124_999.9, '122 KiB/s (1 Mbit/s)'],
    [MAX_RATE, '116 GiB/s (1 Tbit/s)'],
    [0, '0 B/s (0 bit/s)'],
  ];
  for (const [rate, text] of echoed) {
    it(`${String(rate)} is echoed as ${text}`, () => {
      assert.equal(formatRate(rate), text);
    });
  }

  it('is echoed in bits and bytes that both parse back to it, to three digits', () => {
    fc.assert(
      fc.property(fc.double({ min: MIN_RATE * 1.01, max: MAX_RATE * 0.9, noNaN: true }), (rate) => {
        const [bytes = '', bits = ''] = formatRate(rate).split(/ \(|\)/);
        for (const text of [bytes, bits]) {
          const read = parseRate(text);
          assert.ok(Math.abs(read / rate - 1) < 0.00501, `${text} for ${rate}`);
        }
      }),
    );
  });

  it('never parses to anything outside its bounds, whatever is written', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^[-+]?[0-9.]{1,8} ?[kKmMgGiBbtps/]{0,5}$/)),
        (text) => {
          let rate: number;
          try {
            rate = parseRate(text);
          } catch (error) {
            assert.ok(error instanceof Failure);
            return;
          }
          assert.ok(rate >= MIN_RATE && rate <= MAX_RATE);
        },
      ),
    );
  });
});
