/** The sandbox's own API, below `/_sandbox/` on the AWS port: the call log, snapshots, faults. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { letDaysPass } from './aws/s3-lifecycle.ts';
import { clusterFaults } from './faults/index.ts';
import { type Evidence, evidenceFaults } from './replay/document.ts';
import type { OpenWorld } from './world.ts';

export const controlPrefix = '/_sandbox/';
/** Where a command that runs in the sandbox finds this server. */
export const CONTROL_VARIABLE = 'LOKI_EKS_SANDBOX_CONTROL';

const faultShape = z.strictObject({
  call: z.string().min(1),
  how: z.enum(['before', 'after', 'lost', 'throttle', 'deny', 'slow']),
  from: z.int().positive().optional(),
  times: z.int().positive().optional(),
  ms: z.int().nonnegative().optional(),
});

const seedShape = z.strictObject({
  bucket: z.string().min(1),
  count: z.int().positive(),
  prefix: z.string().optional(),
  bytes: z.int().nonnegative().optional(),
  folders: z.int().positive().optional(),
  older: z.int().nonnegative().optional(),
  markerEvery: z.int().positive().optional(),
  daysAgo: z.int().nonnegative().optional(),
});
const named = z.strictObject({ name: z.string().min(1) });
/** What `POST inject` has injected; faults have keys of their own. */
const BY = 'inject';

/** Everything is validated before anything is injected. */
function inject(world: OpenWorld, body: string): unknown {
  const document = JSON.parse(body) as Evidence;
  const faults = evidenceFaults(document);
  if (faults.length > 0) throw new Error(faults.join('; '));
  const unknown = (document.breaks ?? []).find((name) => !clusterFaults.some((one) => one.name === name));
  if (unknown !== undefined) throw new Error(`breaks: there is no break "${unknown}"`);
  for (const name of document.breaks ?? []) world.breaks.make(name);
  world.replay.add(BY, document);
  return { injected: true };
}

const keyFaultShape = z.strictObject({ key: z.string().min(1), code: z.string().min(1), message: z.string(), times: z.int().positive().optional() });

type Handler = (world: OpenWorld, body: string) => unknown;

const ROUTES: Readonly<Record<string, Handler>> = {
  'GET calls': (world) => ({ count: world.calls.length, writes: world.calls.filter((call) => call.write).length, calls: world.calls }),
  'GET snapshot': (world) => world.snapshot(),
  'GET faults': (world) => world.faults.list,
  'POST fault': (world, body) => {
    world.addFault(faultShape.parse(JSON.parse(body)));
    return { added: true };
  },
  'POST clear-faults': (world) => {
    world.faults.clear();
    world.account.state.s3.keyFaults.splice(0);
    return { cleared: true };
  },
  'POST reset-calls': (world) => {
    world.forgetCalls();
    return { reset: true };
  },
  'POST seed-objects': (world, body) => {
    const { bucket, ...seeding } = seedShape.parse(JSON.parse(body));
    world.account.seedObjects(bucket, seeding);
    return { added: seeding.count };
  },
  'POST key-fault': (world, body) => {
    world.account.state.s3.keyFaults.push(keyFaultShape.parse(JSON.parse(body)));
    return { added: true };
  },
  'POST pass-days': (world, body) => letDaysPass(world.account.state.s3, z.strictObject({ days: z.int().positive() }).parse(JSON.parse(body)).days),
  'GET breaks': (world) => world.breaks.names(),
  'POST break': (world, body) => {
    const { name } = named.parse(JSON.parse(body));
    if (!world.breaks.make(name)) throw new Error(`there is no break "${name}"`);
    return { broken: world.breaks.names() };
  },
  'POST clear-break': (world, body) => {
    world.breaks.clear(body === '' ? undefined : named.parse(JSON.parse(body)).name);
    return { broken: world.breaks.names() };
  },
  'POST inject': inject,
  'POST clear-injection': (world) => {
    world.replay.clear(BY);
    world.breaks.clear();
    return { cleared: true };
  },
  'POST reboot': (world, body) => {
    const { node, downMs = 5000 } = z
      .strictObject({ node: z.string().min(1), downMs: z.int().nonnegative().max(3_600_000).optional() })
      .parse(JSON.parse(body));
    if (world.store.get('Node', undefined, node) === undefined) throw new Error(`there is no node "${node}"`);
    world.cluster.reboot(node, downMs);
    return { rebooting: node };
  },
  'POST deny-image': (world, body) => {
    world.cluster.deniedImages.add(z.strictObject({ image: z.string().min(1) }).parse(JSON.parse(body)).image);
    return { added: true };
  },
};

/** 400 with the reason when the route rejects the body; 404 with the list of routes for any other path. */
export async function answerControl(world: OpenWorld, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const name = (request.url ?? '').slice(controlPrefix.length).replace(/\?.*$/, '');
  const key = `${request.method ?? 'GET'} ${name}`;
  const real = world.real?.control.routes ?? {};
  const route: Handler | undefined = ROUTES[key] ?? (real[key] && ((_, body) => real[key]?.(body)));
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const send = (status: number, body: unknown): void =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
  if (route === undefined) return send(404, { error: `no such route; there are: ${[...Object.keys(ROUTES), ...Object.keys(real)].join(', ')}` });
  try {
    send(200, await route(world, Buffer.concat(chunks).toString('utf8')));
  } catch (error) {
    send(400, { error: error instanceof Error ? error.message : String(error) });
  }
}
