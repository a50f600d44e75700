// Runs once for all tabs of a browser: browsers allow six open connections to a server, and every tab would hold one.

import { connect } from "./connect.js";

const ports = new Set();
const newest = new Map(); // kind -> message, for tabs that come later

connect((message) => {
  newest.set(message.kind, message);
  for (const port of ports) port.postMessage(message);
});

self.onconnect = ({ ports: [port] }) => {
  ports.add(port);
  for (const message of newest.values()) port.postMessage(message);
};
