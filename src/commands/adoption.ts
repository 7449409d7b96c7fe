/** What adopting a foreign installation has to carry over: its buckets, role, login, tenant, retention and schema, read from the running one. */
import type { CollectorEvidence } from './doctor/analyze/collectors-evidence.ts';
import type { LokiEvidence } from './doctor/analyze/loki-evidence.ts';
import { blocksNamed } from '../design/alloy-reading.ts';
import { getPath } from '../design/get-path.ts';
import { usersIn, verifyHash } from '../design/htpasswd.ts';
import * as names from '../design/names.ts';
import { adoptable, adoptedIn, type Adopted } from '../design/installation-record.ts';
import { installIdOf, ownership } from '../design/ownership.ts';
import * as policies from '../design/policies.ts';
import { keptInConfig, type Kept } from '../design/schema.ts';
import { settingSpecs } from '../design/setting-specs.ts';
import type { Settings } from '../design/settings-type.ts';
import type { Json } from '../engine/types.ts';
import { stop, type ProblemError } from '../problems/problem.ts';
import type { Role } from '../ports/roles.ts';
import { MADE_BY_HELM } from '../steps/ownership-marks.ts';
import { isAdoptedByTag, isOwnedByTags } from '../steps/ownership.ts';
import { sharedBecause } from '../steps/role.ts';
import { readInstallation, remembered } from './read-installation.ts';
import type { Adoption, Running } from './prepare.ts';
import type { RunContext } from '../deps.ts';
import type { Session } from './connect.ts';
import { surveyCollectors } from './doctor/collect/collectors.ts';
import { surveyLoki } from './doctor/collect/loki.ts';
import { collectErrors } from './doctor/collect/objects.ts';

/** Throws ADOPT_*. `undefined` if the installation is ours already and was not adopted. */
export async function learn(run: RunContext, session: Session): Promise<Adoption | undefined> {
  // Oddities in the record are reported by the discovery that runs alongside.
  const quiet = { settings: run.settings, emit: () => {} };
  const { adopted: recorded } = await remembered(quiet, session);
  if (!recorded && (await readInstallation(quiet, session))) return undefined;
  const looking = { run, session, miss: collectErrors([]) };
  const [loki, { expected: collectors }] = await Promise.all([surveyLoki(looking), surveyCollectors(looking)]);
  const begun = recorded !== undefined || (await unfinished(run, session));
  const { kept, config, ...fit } = fitting(run, loki, { begun });
  const login = await loginOf(run, session, { loki: fit.loki, collectors });
  if (login.password) run.deps.hide(login.password);
  const learned: Adopted['settings'] = {
    ...(await identityOf(run, session, fit.loki)),
    ...bucketsOf(run, session, kept),
    ...(login.user && { gatewayUser: login.user }),
    ...labelOf(collectors),
    ...keyOf(fit.loki),
  };
  // A name missing from the record is one that loki-eks generates: the installation may use it by now.
  const settings = { ...(recorded?.settings ?? learned), ...said(run) };
  const found: Omit<Adopted, 'settings'> = {
    ...(login.secret && { passwordSecret: login.secret }),
    ...(login.others.length > 0 && { otherUsers: login.others }),
    schema: kept.schema,
  };
  const adopted: Adopted = {
    // A recorded adoption may be half done: our collectors no longer show what the previous ones did.
    ...(recorded ?? found),
    settings: { ...settings, ...logsOf({ config, loki: fit.loki, collectors, login, settings }) },
  };
  refuseStrange(adopted);
  return { adopted, inUse: kept, runs: running(fit.loki), ...(login.password && { password: login.password }) };
}

function running({ workloads, gateway }: LokiEvidence): Running {
  const pods: Record<string, number> = {};
  for (const { component, wanted } of workloads) pods[component] = (pods[component] ?? 0) + wanted;
  return { pods, loadBalancer: gateway?.serviceType === 'LoadBalancer' };
}

/** Foreign values must satisfy the same rules as user input: they are used in names, policies and templates. */
function refuseStrange(adopted: Adopted): void {
  const [fault] = adoptedIn({ ...adopted }).faults;
  if (!fault) return;
  const spec = settingSpecs.find(({ field }) => field === fault.key);
  const message = `The installed Loki has ${fault.key} ${fault.why}`;
  throw spec ? stop('ADOPT_VALUE_UNDETECTED', { message, fix: `Run \`loki-eks adopt ${spec.flag} ${spec.placeholder}\`` }) : unfit(message);
}

/** Explicit settings of this run override what was detected. */
function said({ settings, said: keys = new Set() }: RunContext): Adopted['settings'] {
  return Object.fromEntries(adoptable.flatMap((key) => (keys.has(key) && settings[key] !== undefined ? [[key, settings[key]]] : [])));
}

const unfit = (message: string, evidence?: readonly string[]): ProblemError => stop('ADOPT_UNSUPPORTED', { message, ...(evidence && { evidence }) });

/** A failed run that could not roll back everything may have left no record. */
async function unfinished({ deps, settings }: RunContext, { cluster }: Session): Promise<boolean> {
  return (await deps.journals.unfinished(installIdOf(cluster.arn, settings.namespace))) !== undefined;
}

interface Fit {
  readonly loki: LokiEvidence;
  readonly config: Json;
  readonly kept: Kept;
}

/** `begun`: the installation fitted when the adoption began, and an interrupted run may have left it without its StatefulSets. */
function fitting({ settings }: RunContext, loki: LokiEvidence | undefined, { begun }: { readonly begun: boolean }): Fit {
  const { namespace } = settings;
  if (!loki) throw stop('ADOPT_NOTHING', { message: `No Loki runs in namespace ${namespace} of this cluster` });
  if (loki.namespace !== namespace) {
    throw stop('ADOPT_NOTHING', {
      message: `No Loki runs in namespace ${namespace}; there is one in ${loki.namespace}`,
      fix: `Run \`loki-eks adopt --namespace ${loki.namespace}\``,
    });
  }
  if (!loki.release) throw unfit(`Loki in namespace ${namespace} was not installed by Helm`);
  if (loki.release.name !== names.lokiRelease) throw unfit(`The Helm release of Loki is named ${loki.release.name}, not ${names.lokiRelease}`);
  const parts = new Set(loki.workloads.filter(({ wanted }) => wanted > 0).map(({ component }) => component));
  const other = ['write', 'read', 'backend', 'single-binary'].find((part) => parts.has(part));
  if ((!parts.has('ingester') && !begun) || other)
    throw unfit(
      `Loki in namespace ${namespace} does not run in Distributed mode`,
      [...parts].map((part) => `component ${part}`),
    );
  if (loki.config === undefined) throw unfit(`Loki's configuration (${loki.configFrom}) can't be read`);
  return { loki, config: loki.config, kept: storedIn(loki, loki.config) };
}

/** Everything that decides where lines are stored and how they are found must be expressible in our own values. */
function storedIn({ configFrom }: LokiEvidence, config: Json): Kept {
  const kept = keptInConfig(config);
  if (kept.schema.length === 0) throw unfit(`${configFrom} has no schema_config`);
  const strange = kept.schema.find((period) => !['s3', 'aws'].includes(String(period['object_store'])));
  if (strange) throw unfit(`The schema period from ${strange.from} stores its logs in ${String(strange['object_store'])}, not in S3`);
  if (!kept.chunksBucket) throw unfit(`${configFrom} names no S3 bucket`);
  if (kept.chunksBucket.includes(',')) throw unfit(`Loki stores its logs in several buckets: ${kept.chunksBucket}`);
  for (const path of ['common.storage.s3.endpoint', 'storage_config.aws.endpoint', 'storage_config.aws.s3', 'storage_config.object_store.storage_prefix']) {
    const value = getPath(config, path);
    if (typeof value === 'string' && value !== '' && !/amazonaws\.com/.test(value)) throw unfit(`${configFrom} sets ${path}, which loki-eks does not support`);
  }
  return kept;
}

/** A role that serves only this Loki is adopted; one that others use stays unchanged, and Loki gets its own role. */
async function identityOf(run: RunContext, session: Session, { account }: LokiEvidence): Promise<Adopted['settings']> {
  const arn = account.roleArn ?? account.association;
  const role = /^arn:[^:]+:iam::(\d+):role(\/(?:.*\/)?)([^/]+)$/.exec(arn ?? '');
  const identity = account.roleArn === undefined && account.association !== undefined ? ({ identity: 'pod-identity' } as const) : {};
  // A role that is missing or in another account can't be adopted either.
  if (!role || role[1] !== session.caller.account || account.role?.is !== 'found') return identity;
  const [, , iamPath = '/', roleName = ''] = role;
  if (run.said?.has('roleName')) return { ...identity, roleName, iamPath };
  const found = await session.looking.roles.find(roleName);
  const own = ownership(session.cluster.arn, run.settings.namespace);
  const ours = found !== undefined && isOwnedByTags(found.tags, own);
  // An interrupted run, or one that could not roll back everything, has created it already, under the name that this run would use.
  if (ours && !isAdoptedByTag(found.tags)) {
    const made = roleName === names.roleName(session.cluster.name, own.installId);
    return { ...identity, ...(!made && { roleName }), ...(iamPath !== '/' && { iamPath }) };
  }
  const shared = found && !ours && (await sharedRole(run, session, { found, ...identity }));
  if (!shared) return { ...identity, roleName, iamPath };
  run.emit({ type: 'note.given', text: `Role ${roleName} stays as it is, and Loki gets its own role: ${shared}.` });
  return { ...identity, ...(await roleBeside(run, session, roleName)) };
}

async function sharedRole(
  { settings, deps: { templates } }: RunContext,
  { looking, caller: { partition, account }, cluster }: Session,
  { found, identity }: { readonly found: Role; readonly identity?: Settings['identity'] },
): Promise<string | undefined> {
  const serviceAccount = { namespace: settings.namespace, name: names.lokiServiceAccount };
  const subject = { namespace: settings.namespace, serviceAccount: names.lokiServiceAccount };
  const provider = cluster.issuer && policies.oidcProviderArn({ partition, account, issuer: cluster.issuer });
  const trust =
    identity === 'pod-identity' || !provider
      ? policies.podIdentityTrust(templates, { ...subject, clusterArn: cluster.arn })
      : policies.webIdentityTrust(templates, { ...subject, providerArn: provider, issuer: cluster.issuer ?? '' });
  // Statements of its policy are recognized only by their Sids here: the bucket names are not decided yet.
  const role = { trust, policyName: names.rolePolicy, policy: null };
  return sharedBecause(found, { role, serviceAccount, ...(provider && { oidcProvider: { arn: provider } }) }, await looking.roles.instanceProfiles(found.name));
}

const MOST_NAMES = 9;

/** The generated name, unless the role that stays has that very name. */
async function roleBeside({ settings }: RunContext, { looking, cluster }: Session, taken: string): Promise<Adopted['settings']> {
  const own = ownership(cluster.arn, settings.namespace);
  const made = names.roleName(cluster.name, own.installId);
  if (made.toLowerCase() !== taken.toLowerCase()) return {};
  for (let n = 2; n <= MOST_NAMES; n++) {
    const roleName = `${made.slice(0, 62)}-${n}`;
    const found = await looking.roles.find(roleName);
    if (!found || isOwnedByTags(found.tags, own)) return { roleName };
  }
  throw stop('ROLE_SHARED', { message: `Role ${taken} is used by other workloads, and all alternative names are taken`, fix: 'Set `--role-name NAME`' });
}

function bucketsOf({ settings }: RunContext, { caller, cluster, aws: { region } }: Session, kept: Kept): Adopted['settings'] {
  const namespace = names.bucketNamespace({ wanted: settings.bucketNamespace, region });
  const installId = installIdOf(cluster.arn, settings.namespace);
  const made = (use: 'chunks' | 'ruler') => names.bucketName({ prefix: settings.bucketPrefix, use, installId, namespace, account: caller.account, region });
  const { chunksBucket, rulerBucket } = kept;
  return { ...(chunksBucket !== made('chunks') && { chunksBucket }), ...(rulerBucket && rulerBucket !== made('ruler') && { rulerBucket }) };
}

function keyOf({ buckets }: LokiEvidence): Adopted['settings'] {
  const look = buckets.find(({ use }) => use === 'chunks')?.look;
  const encryption = look?.is === 'ours-to-read' ? look.encryption : undefined;
  return encryption?.algorithm === 'aws:kms' && /:key\//.test(encryption.key) ? { kmsKey: encryption.key } : {};
}

function labelOf(collectors: readonly CollectorEvidence[]): Adopted['settings'] {
  const blocks = collectors.flatMap((one) => blocksNamed(one.blocks, /^(stage\.static_labels|loki\.write)$/));
  const texts = blocks.flatMap(({ attributes }) => [attributes['values'], attributes['external_labels']]);
  const found = new Set(texts.flatMap((text) => /\bcluster"?\s*=\s*"([^"\\]+)"/.exec(text ?? '')?.[1] ?? []));
  return found.size === 1 ? { clusterLabel: [...found][0]! } : {};
}

interface FoundLogin {
  readonly user?: string;
  /** Known only if a collector contains it and the gateway's file accepts it. */
  readonly password?: string;
  readonly secret?: string;
  readonly others: readonly string[];
}

/** The collector's own login is kept if it can be verified; otherwise ours becomes a new user, and existing users stay in the file. */
async function loginOf(
  { settings, said: keys = new Set() }: RunContext,
  { kubernetes }: Session,
  of: { readonly loki: LokiEvidence; readonly collectors: readonly CollectorEvidence[] },
): Promise<FoundLogin> {
  const { namespace, gateway } = of.loki;
  const name = gateway?.loginSecret?.name;
  const secret = name ? await kubernetes.get({ apiVersion: 'v1', kind: 'Secret', namespace, name }) : undefined;
  if (!secret) return { others: [] };
  const file = Buffer.from((secret['data'] as Readonly<Record<string, string>> | undefined)?.['.htpasswd'] ?? '', 'base64').toString();
  const logins = of.collectors.flatMap(({ writers }) => writers.flatMap(({ login }) => login ?? []));
  const proved = logins.find(({ user, password }) => verifyHash(file, user, password) && (!keys.has('gatewayUser') || user === settings.gatewayUser));
  const user = proved?.user ?? (keys.has('gatewayUser') ? settings.gatewayUser : FRESH_USER);
  // What a chart has created is deleted by the next upgrade of its release.
  const made = secret.metadata.annotations?.[MADE_BY_HELM] !== undefined;
  return {
    user,
    ...(proved && { password: proved.password }),
    ...(!made && name !== names.htpasswdSecret && { secret: name! }),
    others: made ? [] : usersIn(file).filter((one) => one !== user && one !== `${user}-rotating`),
  };
}

const FRESH_USER = 'loki-eks';

interface FoundLogs {
  readonly config: Json;
  readonly loki: LokiEvidence;
  readonly collectors: readonly CollectorEvidence[];
  readonly login: FoundLogin;
  readonly settings: Adopted['settings'];
}

/** The tenant and the retention: never guessed. */
function logsOf({ settings, ...seen }: FoundLogs): Pick<Settings, 'retentionDays'> & { readonly tenant: string } {
  return { tenant: settings.tenant ?? tenantOf(seen), retentionDays: settings.retentionDays ?? retentionOf(seen.config) };
}

function tenantOf({ config, loki, collectors, login }: Omit<FoundLogs, 'settings'>): string {
  if (getPath(config, 'auth_enabled') === false) return 'fake';
  const set = loki.gateway?.setsTenant;
  if (set && !set.startsWith('$')) return set;
  if (set === '$remote_user' && login.user && login.others.length === 0) return login.user;
  const seen = collectors.flatMap(({ writers }) => writers.flatMap(({ tenant }) => tenant ?? []));
  const fixed = [...new Set(seen.flatMap((one) => (one.is === 'fixed' ? [one.name] : [])))];
  if (fixed.length === 1 && seen.every(({ is }) => is === 'fixed')) return fixed[0]!;
  const message = fixed.length > 1 ? `The collectors write to several tenants: ${fixed.join(', ')}` : 'No collector sets its tenant';
  throw stop('ADOPT_VALUE_UNDETECTED', { message, fix: `Run \`loki-eks adopt --tenant ${fixed[0] ?? 'NAME'}\`` });
}

/** In whole days, and never shorter than the longest current retention. */
function retentionOf(config: Json): number {
  const streams = getPath(config, 'limits_config.retention_stream');
  const texts = [getPath(config, 'limits_config.retention_period'), ...(Array.isArray(streams) ? streams.map((one: Json) => getPath(one, 'period')) : [])];
  const hours = Math.max(0, ...texts.map(hoursIn));
  if (getPath(config, 'compactor.retention_enabled') === true && hours > 0) return Math.ceil(hours / 24);
  throw stop('ADOPT_VALUE_UNDETECTED', {
    message: 'The installed Loki has no retention: it never deletes logs',
    fix: 'Run `loki-eks adopt --retention-days DAYS`',
  });
}

const HOURS: Readonly<Record<string, number>> = { w: 168, d: 24, h: 1, m: 1 / 60, s: 1 / 3600 };

/** `672h`, `4w`, `30d`, `1d12h0m0s`; 0 if it is not a duration. */
function hoursIn(value: Json | undefined): number {
  if (typeof value !== 'string' || !/^(\d+(\.\d+)?(w|d|h|m|s))+$/.test(value)) return 0;
  return [...value.matchAll(/(?<![\d.])(\d+(?:\.\d+)?)([wdhms])/g)].reduce((sum, [, number, unit]) => sum + Number(number) * (HOURS[unit!] ?? 0), 0);
}
