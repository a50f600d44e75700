// One line to the server: its state and the newest frame, as they come. Reconnects by itself.

const RETRY_MS = 1000;

/** tell({kind: "state" | "frame" | "connected", value}) is called for everything the server says. */
export function connect(tell) {
  const source = new EventSource("/jobs/stream");
  for (const kind of ["state", "frame"]) {
    source.addEventListener(kind, (event) => tell({ kind, value: JSON.parse(event.data) }));
  }
  source.onopen = () => tell({ kind: "connected", value: true });
  source.onerror = () => {
    source.close(); // an EventSource gives up for ever after an HTTP error, so every retry is ours
    tell({ kind: "connected", value: false });
    setTimeout(() => connect(tell), RETRY_MS);
  };
}
