/** What the cluster records about an installation: read-only commands need no more than the cluster's name. */
import type { Blueprint } from '../design/blueprint.ts';
import { canonical } from '../design/canonical.ts';
import type { Given } from '../design/design.ts';
import { adoptedIn, believedSettings, documentIn, settingsFrom, writtenIn, type Adopted, type Ignored } from '../design/installation-record.ts';
import { mergeValues, type Values } from '../design/merge.ts';
import { alloyRelease } from '../design/names.ts';
import { ownership } from '../design/ownership.ts';
import type { Settings } from '../design/settings-type.ts';
import type { Json, Sink } from '../engine/types.ts';
import type { KubeObject, Kubernetes } from '../ports/kubernetes.ts';
import { problem, stop } from '../problems/problem.ts';
import { isOwned } from '../steps/ownership.ts';
import { RECORD, RECORD_TYPE } from '../steps/installation-record.ts';
import type { RunContext } from '../deps.ts';
import type { Session } from './connect.ts';

export interface Installation {
  readonly settings: Settings;
  readonly userValues: NonNullable<Given['userValues']>;
  /** The record's informational values. */
  readonly written: Values;
}

/** A design based on the record: a read-only command gives no consents or addresses of its own, which would show up as a difference. */
export const asWritten = (blueprint: Blueprint, { written }: Pick<Installation, 'written'>): Blueprint => ({
  ...blueprint,
  record: { ...blueprint.record, settings: { ...(blueprint.record.settings as Values), ...written } as Json },
});

type Where = Pick<Session, 'kubernetes' | 'cluster' | 'releases'>;

interface Found {
  /** `Secret loki/loki-eks` */
  readonly secret: string;
  readonly object: KubeObject;
  /** Whether it carries the marks of this installation; a foreign record is not read. */
  readonly ours: boolean;
}

async function recordIn(
  { kubernetes, cluster }: { readonly kubernetes: Pick<Kubernetes, 'get'>; readonly cluster: { readonly arn: string } },
  namespace: string,
): Promise<Found | undefined> {
  const object = await kubernetes.get({ apiVersion: 'v1', kind: 'Secret', namespace, name: RECORD });
  if (!object) return undefined;
  const own: Blueprint['ownership'] = ownership(cluster.arn, namespace);
  return { secret: `Secret ${namespace}/${RECORD}`, object, ours: object['type'] === RECORD_TYPE && isOwned(object, own) };
}

/** A document of the record by its key. Throws RECORD_UNREADABLE for one that loki-eks could not have written. */
function documentOf({ secret, object }: Found, key: string): Values | undefined {
  const data = object['data'];
  const encoded: unknown = typeof data === 'object' && data !== null && Object.hasOwn(data, key) ? (data as Values)[key] : undefined;
  if (encoded === undefined || encoded === null) return undefined;
  const text = typeof encoded === 'string' ? Buffer.from(encoded, 'base64').toString() : '';
  // The installer writes `null` if there are no user values.
  if (text.trim() === 'null') return undefined;
  const read = documentIn(text);
  if ('why' in read) throw stop('RECORD_UNREADABLE', { message: `${secret}: ${key} ${read.why}` });
  return read.document;
}

/** All current settings, and some more. */
const MOST_WARNINGS = 60;

function warn(emit: Sink, { secret }: Found, of: { readonly document: string; readonly ignored: readonly Ignored[] }): void {
  const { document, ignored } = of;
  for (const { key, why, fix } of ignored.slice(0, MOST_WARNINGS))
    emit({
      type: 'warning.raised',
      problem: problem('RECORD_VALUE_IGNORED', { message: `${secret}: ${named(key)} in ${document} is ignored: ${why}`, ...(fix && { fix }) }),
    });
  const more = ignored.length - MOST_WARNINGS;
  if (more > 0)
    emit({ type: 'warning.raised', problem: problem('RECORD_VALUE_IGNORED', { message: `${secret}: ${more} more values in ${document} are ignored` }) });
}

const named = (key: string): string => (key.length > 80 ? `${key.slice(0, 77)}...` : key);

/** What a new design is based on. */
export interface Remembered {
  /** What the installation in this namespace has adopted. */
  readonly adopted?: Adopted;
  readonly installedIdentity?: Settings['identity'];
}

/** Throws RECORD_UNREADABLE: without the adopted names, a new design would start with empty buckets. */
export async function remembered(
  { settings: { namespace }, emit }: Pick<RunContext, 'settings' | 'emit'>,
  where: Pick<Where, 'kubernetes' | 'cluster'>,
): Promise<Remembered> {
  const found = await recordIn(where, namespace);
  if (!found?.ours) return {};
  const document = documentOf(found, 'adopted.json');
  const read = document && adoptedIn(document);
  if (read) warn(emit, found, { document: 'adopted.json', ignored: read.ignored });
  const [fault] = read?.faults ?? [];
  if (fault) throw stop('RECORD_UNREADABLE', { message: `${found.secret}: ${fault.key} in adopted.json ${fault.why}` });
  const { identity } = believedSettings(documentOf(found, 'settings.json') ?? {}).value;
  return { ...(read && { adopted: read.value }), ...(identity && { installedIdentity: identity }) };
}

/** `undefined` if there is no record of this installation. Throws RECORD_UNREADABLE. */
export async function readInstallation({ settings, emit }: Pick<RunContext, 'settings' | 'emit'>, where: Where): Promise<Installation | undefined> {
  const found = await recordIn(where, settings.namespace);
  if (!found) return undefined;
  if (!found.ours) {
    const message = `${found.secret} does not belong to this installation, so it is not read`;
    emit({ type: 'warning.raised', problem: problem('RECORD_NOT_OURS', { message }) });
    return undefined;
  }
  const document = documentOf(found, 'settings.json') ?? {};
  const { value, ignored } = settingsFrom(document, settings);
  warn(emit, found, { document: 'settings.json', ignored });
  const alloy = documentOf(found, 'alloy-values.json');
  return {
    settings: value,
    written: writtenIn(document, settings),
    userValues: {
      loki: asFiles(documentOf(found, 'loki-values.json')),
      alloy: alloy && (await isInForce(alloy, value, where)) ? asFiles(alloy) : [],
    },
  };

  /** The collector's pods read files of every node, so values that only the record has, for another namespace, are not trusted. */
  async function isInForce(values: Values, { collectorNamespace }: Settings, { releases }: Where): Promise<boolean> {
    const release = await releases.find(alloyRelease, collectorNamespace);
    if (release && canonical(mergeValues(release.values, values) as Json) === canonical(release.values as Json)) return true;
    const why = `Helm release ${collectorNamespace}/${alloyRelease} does not have these values`;
    warn(emit, found as Found, { document: 'alloy-values.json', ignored: [{ key: 'all of it', why }] });
    return false;
  }
}

const asFiles = (values: Values | undefined) => (values ? [{ file: 'the recorded values', values }] : []);
