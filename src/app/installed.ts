/** What the cluster remembers of an installation: commands that only look need no more than the cluster's name. */
import type { Adopted } from '../design/adopted.ts';
import type { Settings } from '../design/settings-type.ts';
import type { Given } from '../design/design.ts';
import type { Kubernetes, KubeObject } from '../ports/kubernetes.ts';
import { RECORD } from '../steps/record.ts';
import type { Run } from './outside.ts';

export interface Installed {
  readonly settings: Settings;
  readonly userValues: NonNullable<Given['userValues']>;
}

const dataOf = (secret: KubeObject): ((key: string) => unknown) => {
  const data = (secret['data'] ?? {}) as Readonly<Record<string, string>>;
  return (key) => JSON.parse(Buffer.from(data[key] ?? 'bnVsbA==', 'base64').toString());
};

async function recordIn(kubernetes: Pick<Kubernetes, 'get'>, namespace: string): Promise<KubeObject | undefined> {
  const found = await kubernetes.get({ apiVersion: 'v1', kind: 'Secret', namespace, name: RECORD });
  return found?.['type'] === 'loki-eks.dev/installation' ? found : undefined;
}

/** What a new design goes on from. */
export interface Remembered {
  /** What the installation in this namespace has taken over. */
  readonly adopted?: Adopted;
  readonly installedIdentity?: Settings['identity'];
}

export async function remembered(kubernetes: Pick<Kubernetes, 'get'>, namespace: string): Promise<Remembered> {
  const found = await recordIn(kubernetes, namespace);
  if (!found) return {};
  const read = dataOf(found);
  const adopted = read('adopted.json') as Adopted | null;
  const installedIdentity = (read('settings.json') as Partial<Settings> | null)?.identity;
  return { ...(adopted && { adopted }), ...(installedIdentity && { installedIdentity }) };
}

/** Settings that say where we are, not what was installed: the caller's own win. */
const HERE = [
  'cluster',
  'region',
  'profile',
  'kubeconfig',
  'context',
  'helm',
  'timeoutSeconds',
  'onFailure',
  'onUnfinished',
  'lokiChart',
  'alloyChart',
  'chartRepo',
  'grafanaTokenFile',
  'grafanaAdmin',
] as const;

export async function installed({ settings }: Pick<Run, 'settings'>, kubernetes: Pick<Kubernetes, 'get'>): Promise<Installed | undefined> {
  const found = await recordIn(kubernetes, settings.namespace);
  if (!found) return undefined;
  const read = dataOf(found);
  const here = Object.fromEntries(HERE.flatMap((key) => (settings[key] === undefined ? [] : [[key, settings[key]]])));
  return {
    settings: { ...settings, ...(read('settings.json') as Partial<Settings>), ...here },
    userValues: { loki: asFiles(read('loki-values.json')), alloy: asFiles(read('alloy-values.json')) },
  };
}

const asFiles = (values: unknown) =>
  values && typeof values === 'object' ? [{ file: 'the recorded values', values: values as Readonly<Record<string, unknown>> }] : [];
