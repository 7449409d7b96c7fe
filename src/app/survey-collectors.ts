/** The collectors that are found in the cluster: their pipelines, logins, pods and counters. */
import { blocksNamed, literal, readAlloy, type AlloyBlock } from '../design/alloy-reading.ts';
import type { CollectorCounters, CollectorSeen, Container, Login, PodSeen, WriterSeen, Workload } from '../checks/doctor/survey.ts';
import { chartWorkloads, type Looking } from './survey-loki.ts';
import { each, linesOf, mountedFile, podOf, portOf, total, workloadOf } from './survey-objects.ts';

/** Collectors do the same on every node, so that some of them speak for all. */
const SAMPLE = 10;
const TAIL = 200;

export async function surveyCollectors(looking: Looking): Promise<readonly CollectorSeen[]> {
  const { run, reached } = looking;
  const found = await chartWorkloads(reached.kubernetes, { name: 'alloy', namespace: run.settings.collectorNamespace });
  return each(found, 4, (object) =>
    collectorOf(looking, { workload: workloadOf(object), releaseName: object.metadata.labels?.['app.kubernetes.io/instance'] }),
  );
}

async function collectorOf(
  looking: Looking,
  { workload, releaseName }: { readonly workload: Workload; readonly releaseName: string | undefined },
): Promise<CollectorSeen> {
  const { reached, miss } = looking;
  const { kubernetes, releases } = reached;
  const { namespace } = workload;
  const labels = Object.entries(workload.selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const container = alloyIn(workload);
  const [file, release, objects] = await Promise.all([
    container && configOf(looking, workload, container),
    releaseName ? releases.find(releaseName, namespace).catch((error: unknown) => void miss(`the Helm release ${releaseName}`, error)) : undefined,
    kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels }),
  ]);
  const pods = objects.map(podOf).filter(({ ending }) => !ending);
  const blocks = readAlloy(file?.text ?? '');
  const [read, writers] = await Promise.all([
    sampled(looking, pods, container),
    Promise.all(writersIn(blocks).map((writer) => withLogin(looking, { writer, workload }))),
  ]);
  return {
    workload,
    ...(release && { release }),
    configFrom: file?.from ?? `${workload.kind} ${namespace}/${workload.name}`,
    ...(file && { text: file.text }),
    blocks,
    writers,
    pods: read.pods,
    counters: read.counters,
  };
}

const alloyIn = ({ template }: Workload): Container | undefined =>
  template.containers.find(({ args, command }) => [...(command ?? []), ...(args ?? [])].includes('run')) ?? template.containers[0];

async function configOf({ reached, miss }: Looking, workload: Workload, container: Container) {
  const words = [...(container.command ?? []), ...(container.args ?? [])];
  const path = words.slice(words.indexOf('run') + 1).find((word) => !word.startsWith('-'));
  if (!path) return undefined;
  const { namespace, template } = workload;
  return mountedFile(reached.kubernetes, { namespace, template, container, path }).catch((error: unknown) => void miss("the collector's configuration", error));
}

async function sampled(
  { reached: { kubernetes }, miss }: Looking,
  pods: readonly PodSeen[],
  container: Container | undefined,
): Promise<{ readonly pods: readonly PodSeen[]; readonly counters: readonly CollectorCounters[] }> {
  const chosen = [...pods]
    .filter(({ node }) => node !== undefined)
    .sort((a, b) => Number(a.ready) - Number(b.ready))
    .slice(0, SAMPLE);
  if (pods.length > SAMPLE) miss.say(`${pods.length - SAMPLE} of ${pods.length} collector pods`, `logs and counters are read of ${SAMPLE}`);
  const port = portOf(container, /^http/) ?? 12345;
  const seen = await each(chosen, 5, async (pod) => {
    const lines = container
      ? await linesOf(kubernetes, pod, { container: container.name, tail: TAIL }).catch((error: unknown) => void miss(`the log of pod ${pod.name}`, error))
      : undefined;
    const metrics = pod.ready ? await kubernetes.raw(`/api/v1/namespaces/${pod.namespace}/pods/${pod.name}:${port}/proxy/metrics`) : undefined;
    if (metrics && metrics.status !== 200) miss.say(`the counters of pod ${pod.name}`, `the pod proxy answers HTTP ${metrics.status}`);
    return { pod, lines, counters: metrics?.status === 200 ? countersOf(pod, metrics.body) : undefined };
  });
  const lines = new Map(seen.map(({ pod, lines }) => [pod.name, lines]));
  return {
    pods: pods.map((pod) => ({ ...pod, ...(lines.get(pod.name) && { lines: lines.get(pod.name)! }) })),
    counters: seen.flatMap(({ counters }) => counters ?? []),
  };
}

function countersOf(pod: PodSeen, text: string): CollectorCounters {
  const sum = (...names: readonly string[]) => names.reduce((all, name) => all + total(text, name), 0);
  return {
    pod: pod.name,
    ...(pod.node && { node: pod.node }),
    ...(/^loki_source_file_files_active_total/m.test(text) && { activeFiles: total(text, 'loki_source_file_files_active_total') }),
    readLines: sum('loki_source_file_read_lines_total', 'loki_source_kubernetes_read_lines_total'),
    sentEntries: sum('loki_write_sent_entries_total'),
    droppedEntries: sum('loki_write_dropped_entries_total'),
  };
}

interface Writer {
  readonly component: string;
  readonly endpoint: AlloyBlock;
  readonly dynamicTenant: boolean;
}

function writersIn(blocks: readonly AlloyBlock[]): readonly Writer[] {
  const dynamicTenant = blocksNamed(blocks, 'stage.tenant').length > 0;
  return blocksNamed(blocks, 'loki.write').flatMap((write) =>
    write.blocks.filter(({ name }) => name === 'endpoint').map((endpoint) => ({ component: `loki.write "${write.label ?? ''}"`, endpoint, dynamicTenant })),
  );
}

async function withLogin(
  { reached: { kubernetes }, run, miss }: Looking,
  { writer, workload }: { readonly writer: Writer; readonly workload: Workload },
): Promise<WriterSeen> {
  const { endpoint, component } = writer;
  const { attributes, blocks, line } = endpoint;
  const basic = blocks.find(({ name }) => name === 'basic_auth')?.attributes;
  const url = literal(attributes['url']);
  const hasLogin =
    basic !== undefined ||
    ['authorization', 'oauth2', 'bearer_token', 'bearer_token_file'].some((key) => key in attributes || blocks.some(({ name }) => name === key));
  const login = basic && (await loginOf().catch((error: unknown) => void miss(`the login of ${component}`, error)));
  if (login) run.outside.hide(login.password);
  return { component, line, ...(url !== undefined && { url }), hasLogin, ...(login && { login }), ...tenantOf(writer), ours: false };

  async function loginOf(): Promise<Login | undefined> {
    const container = alloyIn(workload);
    if (!container) return undefined;
    const text = async (value: string | undefined): Promise<string | undefined> => literal(value) ?? (await fromEnvironment(value));
    const fromEnvironment = async (value: string | undefined) => {
      const name = /(?:sys\.)?env\("([^"]+)"\)/.exec(value ?? '')?.[1];
      const variable = container.env?.find((one) => one.name === name);
      const from = variable?.valueFrom?.secretKeyRef;
      if (!from) return variable?.value;
      const secret = await kubernetes.get({ apiVersion: 'v1', kind: 'Secret', namespace: workload.namespace, name: from.name });
      const encoded = (secret?.['data'] as Readonly<Record<string, string>> | undefined)?.[from.key];
      return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString();
    };
    const path = literal(basic?.['password_file']);
    const { namespace, template } = workload;
    const file = path ? await mountedFile(kubernetes, { namespace, template, container, path }) : undefined;
    const [user, password] = [await text(basic?.['username']), file?.text.trim() ?? (await text(basic?.['password']))];
    return user === undefined || password === undefined ? undefined : { user, password };
  }
}

function tenantOf({ endpoint, dynamicTenant }: Writer): Pick<WriterSeen, 'tenant'> {
  const { attributes } = endpoint;
  const header = /"x-scope-orgid"\s*=\s*"([^"]*)"/i.exec(attributes['headers'] ?? '')?.[1];
  const name = literal(attributes['tenant_id']) ?? header;
  if (name) return { tenant: { is: 'fixed', name } };
  const computed =
    dynamicTenant ||
    (attributes['tenant_id'] !== undefined && literal(attributes['tenant_id']) === undefined) ||
    /x-scope-orgid/i.test(attributes['headers'] ?? '');
  return computed ? { tenant: { is: 'dynamic' } } : {};
}
