/** The Grafanas of the cluster: a pod with Grafana in it, and the sidecars that write its files and trigger reloads. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { Process } from '../logs/process.ts';
import type { LogSurroundings } from '../logs/surroundings.ts';
import type { ComponentStart, SandboxRequest, SandboxResponse, StoreEvent } from '../types.ts';
import type { GrafanaPod } from './grafana-pod.ts';
import { provision, ProvisioningError } from './provisioning.ts';
import { serveGrafana } from './server.ts';
import { concerns, filesOf, type Watch, watchOf } from './sidecar.ts';

/** The API server reports a change at once; writing the file and reloading Grafana takes a moment. */
const RELOAD_MS = 200;

export interface Grafanas {
  /** `undefined` for containers that are neither Grafana nor one of its sidecars. */
  start(process: Process): ComponentStart | undefined;
  serve(process: Process, port: number, request: SandboxRequest): SandboxResponse | undefined;
  follow(event: StoreEvent): void;
  gone(pod: KubeObject): void;
}

const isGrafana = ({ container }: Process): boolean => /(^|\/)grafana(-enterprise|-oss)?(:|@|$)/.test(container.image) && container.name === 'grafana';

export function createGrafanas(around: LogSurroundings): Grafanas {
  const pods = new Map<string, GrafanaPod>();
  const sidecars = new Map<string, { readonly process: Process; readonly watch: Watch }>();
  const idOf = (pod: KubeObject): string => pod.metadata.uid ?? '';
  const say = ({ pod, container }: Process, line: string): void => around.print(pod, container.name, line);
  const podFor = (process: Process): GrafanaPod => {
    const known = pods.get(idOf(process.pod));
    if (known) return known;
    const made: GrafanaPod = { process, datasources: new Map(), dashboards: new Map(), accounts: new Map(), files: new Map() };
    pods.set(idOf(process.pod), made);
    return made;
  };
  const reload = (grafana: GrafanaPod, what: string): SandboxResponse => {
    const { process } = grafana;
    const now = around.clock.now().toISOString();
    try {
      const done = what === 'datasources' ? readDataSources(grafana) : readDashboards(grafana);
      for (const line of done) say(process, `logger=provisioning.${what} t=${now} level=info msg=${JSON.stringify(line)}`);
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ message: `${what === 'datasources' ? 'Datasources' : 'Dashboards'} config reloaded` }),
      };
    } catch (error) {
      if (!(error instanceof ProvisioningError)) throw error;
      say(process, `logger=provisioning t=${now} level=error msg="Failed to provision data sources" error=${JSON.stringify(error.message)}`);
      return { status: 500, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ message: '' }) };
    }
  };
  const answer = (grafana: GrafanaPod, request: SandboxRequest): SandboxResponse =>
    serveGrafana(around, grafana, { request, reload: (what) => reload(grafana, what) });
  const sync = (process: Process, watch: Watch): void => {
    const grafana = pods.get(idOf(process.pod));
    const files = filesOf(around.store, watch);
    const before = grafana?.files.get(watch.folder);
    if (!grafana || (before && sameFiles(before, files))) return;
    grafana.files.set(watch.folder, files);
    if (!watch.reload) return;
    const { path, login } = watch.reload;
    const headers: Record<string, string> = login === undefined ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
    const { status, body } = answer(grafana, { method: 'POST', path, headers, body: Buffer.alloc(0) });
    const now = around.clock.now().toISOString();
    say(
      process,
      JSON.stringify({
        time: now,
        level: status === 200 ? 'INFO' : 'ERROR',
        msg: `POST request sent to http://localhost:3000${path}. Response: ${status} ${String(body)}`,
      }),
    );
  };
  return {
    start(process) {
      if (isGrafana(process)) {
        const grafana = podFor(process);
        const now = around.clock.now().toISOString();
        // A sidecar that started first has already written its files.
        for (const [id, sidecar] of sidecars)
          if (id.startsWith(`${idOf(process.pod)}/`)) grafana.files.set(sidecar.watch.folder, filesOf(around.store, sidecar.watch));
        around.clock.after(0, () => ['datasources', 'dashboards'].forEach((what) => void reload(grafana, what)));
        return { ready: true, lines: [`logger=http.server t=${now} level=info msg="HTTP Server Listen" address=[::]:3000 protocol=http`] };
      }
      const watch = watchOf(process);
      if (!watch) return undefined;
      sidecars.set(`${idOf(process.pod)}/${process.container.name}`, { process, watch });
      around.clock.after(RELOAD_MS, () => sync(process, watch));
      return { ready: true, lines: [JSON.stringify({ time: around.clock.now().toISOString(), level: 'INFO', msg: 'Starting collector' })] };
    },
    serve(process, port, request) {
      const grafana = isGrafana(process) ? pods.get(idOf(process.pod)) : undefined;
      const listens = (process.container.ports ?? []).some(({ containerPort }) => containerPort === port);
      return grafana && listens ? answer(grafana, request) : undefined;
    },
    follow({ object, before }) {
      if (object.kind !== 'ConfigMap' && object.kind !== 'Secret') return;
      for (const { process, watch } of sidecars.values())
        if (concerns(watch, object) || (before && concerns(watch, before))) around.clock.after(RELOAD_MS, () => sync(process, watch));
    },
    gone(pod) {
      pods.delete(idOf(pod));
      for (const id of sidecars.keys()) if (id.startsWith(`${idOf(pod)}/`)) sidecars.delete(id);
    },
  };
}

const sameFiles = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([name, text]) => b.get(name) === text);

const filesBelow = ({ files }: GrafanaPod, folder: RegExp): ReadonlyMap<string, string> =>
  new Map([...files].filter(([path]) => folder.test(path)).flatMap(([, inside]) => [...inside]));

function readDataSources(grafana: GrafanaPod): readonly string[] {
  return provision(grafana.datasources, { files: filesBelow(grafana, /datasources/), env: grafana.process.env });
}

/** The chart's provider reads every JSON file; a dashboard whose file is gone is deleted. */
function readDashboards(grafana: GrafanaPod): readonly string[] {
  const { dashboards } = grafana;
  const found = new Map<string, Readonly<Record<string, unknown>>>();
  const done: string[] = [];
  for (const [name, text] of filesBelow(grafana, /dashboards/)) {
    if (!name.endsWith('.json')) continue;
    try {
      const board = JSON.parse(text) as Readonly<Record<string, unknown>>;
      if (!board['title']) throw new Error('Dashboard title cannot be empty');
      found.set(String(board['uid']), board);
    } catch (error) {
      done.push(`failed to load dashboard from file=${name} error=${error instanceof Error ? error.message : String(error)}`);
    }
  }
  for (const [uid, { provisioned }] of dashboards) if (provisioned && !found.has(uid)) dashboards.delete(uid);
  for (const [uid, board] of found) dashboards.set(uid, { provisioned: true, board });
  return [...done, `${found.size} dashboards`];
}
