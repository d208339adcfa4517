// hard.js: taps where a client has it hard, through the client for Node.
const fs = require('fs');
const { Worker, isMainThread } = require('worker_threads');
const alive = require('alive_tap');

const spent = () => alive.tap('no.descriptor');

if (!isMainThread) {
  alive.tap('thread');
} else {
  const stubborn = { toString() { throw new Error('is no text'); } };
  alive.tap('stubborn', { good: 1, bad: stubborn, after: 2 });
  alive.tap(stubborn);
  alive.tap();
  new Worker(__filename).on('exit', () => {
    const taken = [];
    try {
      for (;;) taken.push(fs.openSync('/dev/null'));
    } catch (_) {
      spent();
    }
    taken.forEach((number) => fs.closeSync(number));
    process.once('SIGUSR2', () => {
      alive.tap('handler');
      spent();
      spent();
      Object.freeze(Error);
      alive.tap('frozen');
      process.once('exit', () => { alive.tap('exit'); console.log('done'); });
    });
    process.kill(process.pid, 'SIGUSR2');
    // Nothing else holds the process until the signal is there.
    setTimeout(() => {}, 200);
  });
}
