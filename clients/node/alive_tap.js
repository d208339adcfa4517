'use strict';

// Tells a collector that code is alive.
//
//     const alive = require('./alive_tap');
//     alive.tap('checkout.legacy');
//     alive.tap('checkout.legacy', { order: 17 });
//
// tap sends one datagram, the first time in each process and at each place; tapEach (or tap_each) sends one
// every time. Neither waits, throws or writes anything, and a process can end meanwhile. ALIVE_ADDR is the
// collector's address (127.0.0.1:25483), ALIVE_NAME the name of the service, ALIVE_OFF=1 turns it off; all
// are read when the module is loaded.

const dgram = require('dgram');
const net = require('net');
const os = require('os');
const path = require('path');
const url = require('url');

const seen = new Set();
let to = null;
let service = '';
let host = '';

function begin() {
  const off = process.env.ALIVE_OFF;
  if (off && off !== '0') return;
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(process.env.ALIVE_ADDR || '127.0.0.1:25483');
  // Numbers only: to look a name up could take seconds.
  const address = found && (found[1] || found[2]);
  if (!address || !net.isIP(address) || Number(found[3]) > 65535) return;
  service = process.env.ALIVE_NAME || path.basename(process.argv[1] || '');
  host = os.hostname();
  to = { address, port: Number(found[3]), family: net.isIP(address) };
}

try {
  begin();
} catch (_) {
  to = null;
}

function tap(name, context) {
  if (to !== null) hit(false, name, context, tap);
}

function tapEach(name, context) {
  if (to !== null) hit(true, name, context, tapEach);
}

function hit(each, name, context, entry) {
  try {
    name = text(name);
    if (name === '') return;
    const frames = stack(entry);
    const [place, above] = frames;
    const file = place ? fileOf(place) : '';
    const line = place ? place.getLineNumber() || 0 : 0;
    const site = `${name}\0${file}\0${line}`;
    if (!each) {
      if (seen.has(site)) return;
      if (seen.size >= 10000) seen.clear();
      seen.add(site);
    }
    const columns = [['name', name], ['file', file], ['line', line || ''], ['pid', process.pid]];
    if (place) columns.push(['function', place.getFunctionName() || '']);
    if (above) {
      columns.push(['caller', `${fileOf(above)}:${above.getLineNumber()} ${above.getFunctionName() || ''}`.trim()]);
    }
    columns.push(['service', service], ['host', host], ...Object.entries(context || {}));
    // Without a descriptor for a socket nothing was told: the next one tries again.
    send(columns, () => seen.delete(site));
  } catch (_) {
    // Whatever it is, the program does not want to know.
  }
}

// The two frames above the entry, as objects; none where a program lets nobody change Error.
function stack(entry) {
  if (Object.isFrozen(Error)) return [];
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.prepareStackTrace = (_, sites) => sites;
    Error.stackTraceLimit = 2;
    const holder = {};
    Error.captureStackTrace(holder, entry);
    return holder.stack;
  } catch (_) {
    return [];
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}

// A module's file is told as an address.
function fileOf(frame) {
  const file = frame.getFileName() || '';
  return file.startsWith('file:') ? url.fileURLToPath(file) : file;
}

// What something is as a text; an empty one where it does not want to be one.
function text(value) {
  try {
    return value === undefined || value === null ? '' : String(value);
  } catch (_) {
    return '';
  }
}

function send(columns, failed) {
  let line = 'alive1\tping';
  for (const [key, value] of columns) {
    const escapedValue = escaped(value, key === 'name' ? 255 : 300);
    const column = `\t${escaped(key, 64)}=${escapedValue}`;
    if (escapedValue !== '' && line.length + column.length < 1400) line += column;
  }
  // The address is a number, so it is its own look-up. Answered at once, the datagram leaves at once, too.
  const lookup = (address, family, done) => done(null, address, to.family);
  // A socket for this one call: a daemon closes the descriptors that it does not know.
  const socket = dgram.createSocket({ type: to.family === 6 ? 'udp6' : 'udp4', lookup });
  socket.on('error', failed);
  socket.unref();
  socket.send(`${line}\n`, to.port, to.address, () => socket.close());
}

function escaped(value, longest) {
  let out = '';
  for (const byte of Buffer.from(text(value).slice(0, longest)).subarray(0, longest)) {
    const character = String.fromCharCode(byte);
    out += /[A-Za-z0-9_.:/,+<>()[\]-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

module.exports = { tap, tapEach, tap_each: tapEach };
