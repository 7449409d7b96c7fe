/** Releases as helm stores them: one Secret per revision, read without starting helm. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { stop } from '../../problems/problem.ts';
import type { Kubernetes, KubeObject } from '../../ports/kubernetes.ts';
import type { Release } from '../../ports/releases.ts';

/** Labels helm puts on the Secret itself; all others are the user's. */
const helmsOwn = new Set(['owner', 'name', 'status', 'version', 'createdAt', 'modifiedAt']);
/** A Secret holds a megabyte; manifests and values compress to a tenth. */
const MOST_BYTES = 64 * 1024 * 1024;
const GOOD = new Set(['deployed', 'superseded']);

interface Stored {
  readonly name: string;
  readonly namespace: string;
  readonly version: number;
  readonly info?: { readonly status?: string; readonly last_deployed?: string };
  readonly manifest?: string;
  readonly config?: Readonly<Record<string, unknown>> | null;
  readonly chart?: { readonly metadata?: { readonly name?: string; readonly version?: string; readonly appVersion?: string } };
}

/** The newest revision; `undefined` if there is no release of this name. Throws RELEASE_UNREADABLE and kube problems. */
export async function readRelease(
  kubernetes: Kubernetes,
  { name, namespace }: { readonly name: string; readonly namespace: string },
): Promise<Release | undefined> {
  // Each Secret may be a megabyte: only the newest is read in full.
  const revisions = (await kubernetes.list({ apiVersion: 'v1', kind: 'Secret', namespace, labels: `owner=helm,name=${name}`, metadataOnly: true }))
    .map(({ metadata }) => ({ secret: metadata.name, version: Number(metadata.labels?.['version']), status: metadata.labels?.['status'] ?? '' }))
    .sort((a, b) => b.version - a.version);
  const lastGood = revisions.find(({ status }) => GOOD.has(status))?.version;
  for (const { secret } of revisions) {
    const object = await kubernetes.get({ apiVersion: 'v1', kind: 'Secret', namespace, name: secret });
    // Deleted between the two reads: helm has pruned or uninstalled in the meantime.
    if (object) return release(object, lastGood);
  }
  return undefined;
}

/** The manifest of a revision, as YAML; empty if that revision is no longer kept. */
export async function manifestOf(
  kubernetes: Pick<Kubernetes, 'get' | 'list'>,
  { name, namespace, revision }: { readonly name: string; readonly namespace: string; readonly revision: number | 'newest' },
): Promise<string> {
  const all = await kubernetes.list({ apiVersion: 'v1', kind: 'Secret', namespace, labels: `owner=helm,name=${name}`, metadataOnly: true });
  const versions = all.map(({ metadata }) => ({ secret: metadata.name, version: Number(metadata.labels?.['version']) })).sort((a, b) => b.version - a.version);
  const wanted = revision === 'newest' ? versions[0] : versions.find(({ version }) => version === revision);
  const object = wanted && (await kubernetes.get({ apiVersion: 'v1', kind: 'Secret', namespace, name: wanted.secret }));
  const { manifest } = object ? decode(object) : {};
  return typeof manifest === 'string' ? manifest : '';
}

/** What helm itself writes when a revision fails. */
export async function failRevision(kubernetes: Pick<Kubernetes, 'get' | 'patch'>, { name, namespace, revision }: Release): Promise<void> {
  const ref = { apiVersion: 'v1', kind: 'Secret', namespace, name: `sh.helm.release.v1.${name}.v${revision}` };
  const secret = await kubernetes.get(ref);
  if (!secret) return;
  const stored = decode(secret);
  const failed = { ...stored, info: { ...stored.info, status: 'failed' } };
  const packed = gzipSync(JSON.stringify(failed)).toString('base64');
  await kubernetes.patch(ref, { metadata: { labels: { status: 'failed' } }, data: { release: Buffer.from(packed).toString('base64') } });
}

function release(secret: KubeObject, lastGood: number | undefined): Release {
  const stored = decode(secret);
  const labels = Object.fromEntries(Object.entries(secret.metadata.labels ?? {}).filter(([key]) => !helmsOwn.has(key)));
  const updated = stored.info?.last_deployed ? new Date(stored.info.last_deployed) : undefined;
  const chart = stored.chart?.metadata ?? {};
  return {
    name: stored.name,
    namespace: stored.namespace,
    revision: stored.version,
    status: stored.info?.status ?? secret.metadata.labels?.['status'] ?? 'unknown',
    chart: chart.name ?? '',
    chartVersion: chart.version ?? '',
    appVersion: chart.appVersion ?? '',
    values: stored.config ?? {},
    labels,
    ...(stored.manifest && { manifest: stored.manifest }),
    ...(updated && !Number.isNaN(updated.getTime()) && { updated }),
    ...(lastGood !== undefined && { lastGood }),
  };
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fields of another type than helm's mean that it is not helm's release. */
function isStored(value: unknown): value is Stored {
  if (!isMap(value) || typeof value['name'] !== 'string' || typeof value['namespace'] !== 'string' || typeof value['version'] !== 'number') return false;
  const { info, manifest, config, chart } = value;
  const metadata = isMap(chart) ? chart['metadata'] : undefined;
  const texts = (of: unknown, names: readonly string[]) => !isMap(of) || names.every((name) => typeof (of[name] ?? '') === 'string');
  return (
    [info, config, chart, metadata].every((one) => isMap(one ?? {})) &&
    typeof (manifest ?? '') === 'string' &&
    texts(info, ['status', 'last_deployed']) &&
    texts(metadata, ['name', 'version', 'appVersion'])
  );
}

/** Base64 of the Secret around base64 of helm around gzipped JSON. */
function decode(secret: KubeObject): Stored {
  const { data } = secret as KubeObject & { data?: { release?: string } };
  try {
    const packed = Buffer.from(Buffer.from(data!.release!, 'base64').toString('latin1'), 'base64');
    // Very old helm stored plain JSON; gzip starts with 1f 8b.
    const stored: unknown = JSON.parse((packed[0] === 0x1f && packed[1] === 0x8b ? gunzipSync(packed, { maxOutputLength: MOST_BYTES }) : packed).toString());
    if (!isStored(stored)) throw new Error('it is not a release');
    return stored;
  } catch (cause) {
    throw stop(
      'RELEASE_UNREADABLE',
      { message: `Secret ${secret.metadata.namespace}/${secret.metadata.name} does not contain a readable helm release` },
      { cause },
    );
  }
}
