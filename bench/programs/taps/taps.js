// taps.js once|each COUNT: each line on standard input asks for one block of COUNT hits at one place, answered
// with the time of one in nanoseconds.
const alive = require('./alive_tap');

const mode = process.argv[2];
const count = Number(process.argv[3]);
const hit = mode === 'once' ? () => alive.tap('bench') : () => alive.tapEach('bench');
require('readline').createInterface({ input: process.stdin }).on('line', () => {
  const begin = process.hrtime.bigint();
  for (let i = 0; i < count; i++) hit();
  console.log(Number(process.hrtime.bigint() - begin) / count);
});
