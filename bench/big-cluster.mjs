/**
 * A cluster of thousands of nodes: the sandbox's own Kubernetes API, behind an HTTPS server that answers for its nodes and for the
 * collector's pods as if there were as many as wanted. Sizes are those of real objects: a node of ten kilobytes, a pod of seven.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, createServer, request as ask } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { openGate } from './gate.mjs';

const PODS_A_NODE = 20;
const TOKEN = 'BENCH-NAME';

/** In a sandbox where everything is installed: the environment in which a command meets `nodes` nodes, `latencyMs` away. */
export async function openBigCluster({ env, endpoint, folder }, { nodes, latencyMs }) {
  const { key, cert } = certificate(folder);
  const server = /server"?: *"?(https:[^"\s]+)/.exec(readFileSync(env.KUBECONFIG, 'utf8'))[1];
  const behind = upstream(server);
  let answers;
  const door = createServer({ key, cert }, (incoming, answer) => {
    const chunks = [];
    incoming.on('data', (chunk) => chunks.push(chunk));
    incoming.on('end', async () => {
      try {
        const asked = { method: incoming.method, url: incoming.url, headers: incoming.headers, body: Buffer.concat(chunks) };
        answers ??= generated(behind, { nodes, headers: incoming.headers });
        const [given] = await Promise.all([answers.then((made) => made(asked)), sleep(latencyMs)]);
        answer.writeHead(given.status, { 'content-type': given.type ?? 'application/json', 'content-length': given.body.length });
        answer.end(given.body);
      } catch {
        answer.destroy();
      }
    });
  });
  door.on('upgrade', (incoming, socket, head) => tunnel(server, { incoming, socket, head }));
  await new Promise((resolve) => void door.listen(0, '127.0.0.1', resolve));
  const address = `https://127.0.0.1:${door.address().port}`;
  const gate = await openGate(endpoint, {
    delayMs: latencyMs,
    rewrite: (what, text) => {
      if (!/^GET \/clusters\/[^/]+ *$/.test(what.trim())) return undefined;
      const { cluster } = JSON.parse(text);
      return JSON.stringify({ cluster: { ...cluster, endpoint: address, certificateAuthority: { data: Buffer.from(cert).toString('base64') } } });
    },
  });
  return {
    env: { ...env, AWS_ENDPOINT_URL: gate.url },
    close: async () => {
      door.closeAllConnections();
      behind.close();
      await Promise.all([gate.close(), new Promise((resolve) => void door.close(resolve))]);
    },
  };
}

function certificate(folder) {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=bench'];
  execFileSync('openssl', [...words, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

function upstream(server) {
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  const pass = ({ method = 'GET', url, headers, body }) =>
    new Promise((resolve, reject) => {
      const { host: _, ...others } = headers;
      const sent = ask(server + url, { agent, method, headers: others }, async (answered) => {
        const chunks = [];
        for await (const chunk of answered) chunks.push(chunk);
        resolve({ status: answered.statusCode, type: answered.headers['content-type'], body: Buffer.concat(chunks) });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  return { pass, close: () => agent.destroy() };
}

/** Port-forwards are passed through as they are. */
function tunnel(server, { incoming, socket, head }) {
  const { hostname, port } = new URL(server);
  const onward = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
    const headers = Object.entries(incoming.headers).map(([name, value]) => `${name}: ${value}`);
    onward.write(`${incoming.method} ${real(incoming.url)} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
    onward.write(head);
    socket.pipe(onward).pipe(socket);
  });
  for (const one of [onward, socket]) one.on('error', () => (socket.destroy(), onward.destroy()));
}

let template;
/** A generated pod answers as the one it was made from. */
const real = (url) => url.replace(/bench-pod-\d+/g, template?.pod ?? '');

async function generated(behind, { nodes, headers }) {
  const as = (url, accept) => behind.pass({ url, headers: { ...headers, accept } }).then(({ body }) => JSON.parse(body));
  const [allNodes, allPods] = await Promise.all([
    as('/api/v1/nodes', 'application/json'),
    as('/api/v1/pods?labelSelector=app.kubernetes.io%2Finstance%3Dalloy', 'application/json'),
  ]);
  const pod = allPods.items.find(({ status }) => status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'));
  const node = allNodes.items.find(({ metadata }) => metadata.name === pod.spec.nodeName);
  template = { pod: pod.metadata.name };
  const kinds = {
    nodes: { from: node, count: nodes, name: (at) => `bench-node-${at}`, pad: nodePadding },
    pods: { from: pod, count: nodes, name: (at) => `bench-pod-${at}`, pad: podPadding, everywhere: nodes * PODS_A_NODE },
  };
  const daemonSet = { desiredNumberScheduled: nodes, currentNumberScheduled: nodes, numberReady: nodes, numberAvailable: nodes, updatedNumberScheduled: nodes };
  const pages = new Map();
  return async (asked) => {
    const url = new URL(asked.url, 'https://x');
    const found = asked.method === 'GET' && /^\/api\/v1\/(?:namespaces\/([^/]+)\/)?(nodes|pods)$/.exec(url.pathname);
    if (found && !url.searchParams.has('watch')) {
      const kind = kinds[found[2]];
      const known = `${asked.url} ${asked.headers.accept}`;
      if (!pages.has(known)) pages.set(known, pageOf(behind, { asked, url, kind, all: found[1] === undefined }));
      return pages.get(known);
    }
    const answer = await behind.pass({ ...asked, url: real(asked.url) });
    return /\/daemonsets/.test(url.pathname) && asked.method === 'GET' ? scaled(answer, daemonSet) : answer;
  };
}

function scaled(answer, status) {
  const text = JSON.parse(answer.body);
  const scale = (one) => (/alloy/.test(one.metadata?.name ?? '') ? { ...one, status: { ...one.status, ...status } } : one);
  const body = text.items ? { ...text, items: text.items.map(scale) } : scale(text);
  return { ...answer, body: Buffer.from(JSON.stringify(body)) };
}

/** One page as the sandbox would print it, with the template's line in as many copies as are due; the sandbox's own answer where the template is not in it. */
async function pageOf(behind, { asked, url, kind, all }) {
  const { from, name, pad } = kind;
  const limit = Number(url.searchParams.get('limit') ?? 500);
  const start = Number(url.searchParams.get('continue') ?? 0);
  for (const key of ['limit', 'continue']) url.searchParams.delete(key);
  const answer = await behind.pass({ ...asked, url: `${url.pathname}${url.search}` });
  const whole = JSON.parse(answer.body);
  const own = from.metadata.name;
  const count = (all && kind.everywhere) || kind.count;
  const end = Math.min(count, start + limit);
  const more = end < count ? { continue: String(end), remainingItemCount: count - end } : {};
  const metadata = { ...whole.metadata, ...more };
  const at = whole.rows ? whole.rows.findIndex(({ cells }) => cells[0] === own) : (whole.items ?? []).findIndex((one) => one.metadata.name === own);
  if (at < 0) return answer;
  const one = whole.rows ? whole.rows[at] : pad(whole.items[at], (asked.headers.accept ?? '').includes('PartialObjectMetadata'));
  const parts = named(JSON.stringify(one), { own, node: from.spec.nodeName });
  const copies = Array.from({ length: end - start }, (_, index) => parts(name(start + index), `bench-node-${(start + index) % kind.count}`));
  const { rows: _, items: __, ...rest } = whole;
  const list = whole.rows ? 'rows' : 'items';
  const text = `${JSON.stringify({ ...rest, metadata }).slice(0, -1)},"${list}":[${copies.join(',')}]}`;
  return { ...answer, body: Buffer.from(text) };
}

function named(text, { own, node }) {
  const pieces = text.replaceAll(own, TOKEN).replaceAll(node ?? TOKEN, `${TOKEN}-NODE`);
  return (name, nodeName) => pieces.replaceAll(`${TOKEN}-NODE`, nodeName).replaceAll(TOKEN, name);
}

const managed = (bytes) => [{ manager: 'bench', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:x': 'y'.repeat(bytes) } }];

/** Real ones list some fifty images, and who wrote which field. */
const nodePadding = (node, metadataOnly) => ({
  ...node,
  metadata: { ...node.metadata, managedFields: managed(2500) },
  ...(!metadataOnly && {
    status: { ...node.status, images: Array.from({ length: 50 }, (_, at) => ({ names: [`registry.example/${'i'.repeat(70)}:${at}`], sizeBytes: 1 })) },
  }),
});
const podPadding = (pod) => ({ ...pod, metadata: { ...pod.metadata, managedFields: managed(3000) } });
