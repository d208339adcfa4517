// tap.js once|odd|exit: hits taps through the client for Node.
const alive = require('alive_tap');

function total() {
  alive.tap('checkout.legacy', { order: 17 }); // the tap
}

function checkout() {
  total(); // the call
}

const mode = process.argv[2];
if (mode === 'once') {
  for (let i = 0; i < 3; i++) {
    checkout();
    alive.tap_each('every.time');
  }
} else if (mode === 'odd') {
  alive.tap('odd \t\n\x1b[31m\u00ff%=', { 'k\ney': 'x'.repeat(60000), after: 'still', nothing: null });
  alive.tap('n'.repeat(60000));
  for (const name of [undefined, null, '', Symbol('s')]) alive.tap(name);
} else if (mode === 'exit') {
  checkout();
  process.stdout.write('done\n');
  process.exit(0);
}
process.stdout.write('done\n');
