// Runs once for all tabs of a browser: browsers allow six open connections to a server, and every tab would hold one.
// A tab that is slow gets the newest of each kind when it is ready for it, and never falls behind.

import { connect } from "./connect.js";

const readers = new Set();
const newest = new Map(); // kind -> message, for tabs that come later

connect((message) => {
  newest.set(message.kind, message);
  for (const hear of readers) hear(message);
});

self.onconnect = ({ ports: [port] }) => {
  const waiting = new Map(newest);
  let isBusy = false;
  const send = () => {
    isBusy = waiting.size > 0;
    if (isBusy) port.postMessage([...waiting.values()]);
    waiting.clear();
  };
  port.onmessage = send; // the tab took what it got
  readers.add((message) => {
    waiting.set(message.kind, message);
    if (!isBusy) send();
  });
  send();
};
