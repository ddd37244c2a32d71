/* A stream that stays: comes back after every kind of loss, goes on after the last event it saw.

   EventSource comes back by itself from a cut connection, but gives up on an answer that is no stream (a proxy's 502
   while the server starts). `url` is asked for each time, so it can say where to go on. */
const AGAIN_MS = 1500;

export function keepListening(url, { onMessage, onOutput, onOpen, onLost }) {
  let source;
  let timer;

  function open() {
    clearTimeout(timer);
    source = new EventSource(url());
    source.onopen = () => onOpen?.();
    source.onmessage = (message) => onMessage?.(JSON.parse(message.data), message.lastEventId);
    if (onOutput) source.addEventListener("output", (message) => onOutput(JSON.parse(message.data)));
    source.onerror = () => {
      onLost?.();
      if (source.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(open, AGAIN_MS);
    };
  }

  open();
  return {
    close() {
      clearTimeout(timer);
      source.close();
    },
  };
}
