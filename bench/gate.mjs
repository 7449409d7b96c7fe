/** A gate before the sandbox's AWS endpoint: adds latency to each call, writes down when each began and ended, and may answer some itself. */
import { Agent, createServer, request } from 'node:http';
import { performance } from 'node:perf_hooks';

/**
 * `quietMs`: instead of a latency, calls are held until none has come for so long; those that are let go together are of one `round`.
 * `rewrite`: given what was asked and the whole answer, another answer, or nothing for the one there is. `answer`: given the method, the URL
 * and the body, an answer in the sandbox's place, or nothing.
 */
export async function openGate(endpoint, { delayMs = 0, quietMs, rewrite, answer: own = () => undefined } = {}) {
  const { hostname, port } = new URL(endpoint);
  const agent = new Agent({ keepAlive: true });
  let calls = [];
  const hold = quietMs === undefined ? undefined : inRounds(quietMs);
  const server = createServer((incoming, answer) => {
    const call = { what: `${incoming.method} ${incoming.url}`, began: performance.now(), ended: Number.POSITIVE_INFINITY };
    calls.push(call);
    const chunks = [];
    incoming.on('data', (chunk) => chunks.push(chunk));
    incoming.on('end', () => {
      if (!hold) return void setTimeout(pass, delayMs);
      hold((round) => {
        call.round = round;
        pass();
      });
    });
    // The host header stays the client's: it is part of what was signed.
    const pass = () => {
      const body = Buffer.concat(chunks);
      const given = own(incoming.method, new URL(incoming.url, endpoint), body);
      if (given !== undefined) {
        answer.writeHead(200, { 'content-type': 'application/xml' }).end(given, () => (call.ended = performance.now()));
        return;
      }
      call.what += ` ${/^[\w.-]*=/.test(body.toString('latin1', 0, 40)) ? (/Action=(\w+)/.exec(body.toString('latin1'))?.[1] ?? '') : ''}`;
      const onward = request({ hostname, port, agent, method: incoming.method, path: incoming.url, headers: incoming.headers }, (answered) => {
        if (rewrite)
          return void whole(answered)
            .then((text) => resend(answer, answered, rewrite(call.what, text) ?? text))
            .finally(() => (call.ended = performance.now()));
        answer.writeHead(answered.statusCode, answered.headers);
        answered.pipe(answer);
        answered.on('end', () => (call.ended = performance.now()));
      });
      onward.on('error', () => answer.destroy());
      onward.end(body);
    };
  });
  await new Promise((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    take: () => {
      const taken = calls.filter(({ ended }) => Number.isFinite(ended));
      calls = [];
      return taken;
    },
    close: () => {
      server.closeAllConnections();
      agent.destroy();
      return new Promise((resolve) => void server.close(resolve));
    },
  };
}

function inRounds(quietMs) {
  let [held, round, timer] = [[], 0, undefined];
  const letGo = () => {
    const all = held;
    [held, round] = [[], round + 1];
    for (const go of all) go(round);
  };
  return (go) => {
    held.push(go);
    clearTimeout(timer);
    timer = setTimeout(letGo, quietMs);
  };
}

async function whole(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function resend(answer, { statusCode, headers }, text) {
  const { 'transfer-encoding': _, 'content-length': __, ...others } = headers;
  answer.writeHead(statusCode, { ...others, 'content-length': Buffer.byteLength(text) });
  answer.end(text);
}
