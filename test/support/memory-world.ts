/** An account and a cluster behind the ports, in memory: every write is numbered and can be made to fail before or after it took effect. */
import { objectsIn } from '../../src/design/drift.ts';
import type { BucketState, Buckets } from '../../src/ports/buckets.ts';
import type { WebIdentity } from '../../src/ports/caller.ts';
import type { Association, Associations } from '../../src/ports/clusters.ts';
import type { Grafana, GrafanaDatasource, GrafanaSecrets } from '../../src/ports/grafana.ts';
import type { KubeObject, Kubernetes, Ref } from '../../src/ports/kubernetes.ts';
import { problem, ProblemError, stop } from '../../src/problems/problem.ts';
import type { Release, Releases } from '../../src/ports/releases.ts';
import type { OidcProvider, OidcProviders, Role, Roles } from '../../src/ports/roles.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type When = 'before' | 'after';

export class MemoryWorld {
  readonly buckets = new Map<string, Mutable<BucketState> & { objects: number; oldest?: Date }>();
  readonly roles = new Map<string, Mutable<Role>>();
  /** Instance profiles by the role they hold. */
  readonly profiles = new Map<string, readonly string[]>();
  readonly providers = new Map<string, Mutable<OidcProvider>>();
  readonly associations = new Map<string, Mutable<Association>>();
  readonly versions = new Map<string, number>();
  readonly objects = new Map<string, KubeObject>();
  readonly releases = new Map<string, Release[]>();
  /** Of a Grafana elsewhere, with what it never gives out. */
  readonly datasources = new Map<string, GrafanaDatasource & { readonly secrets: GrafanaSecrets }>();
  readonly dashboards = new Map<string, Parameters<Grafana['saveDashboard']>[0]>();
  readonly region: string;
  /** Log data that was deleted or set to expire, as nobody but the world itself can tell: `objects of BUCKET`, `expiry of BUCKET`. */
  readonly losses: string[] = [];
  writes = 0;
  #fault: { readonly at: number; readonly when: When } | undefined;

  constructor(region: string) {
    this.region = region;
  }

  /** The n-th write from now on (1 is the next) throws, once. */
  failAt(n: number, when: When): void {
    this.#fault = { at: this.writes + n, when };
  }

  snapshot(): string {
    const maps = {
      buckets: this.buckets,
      roles: this.roles,
      profiles: this.profiles,
      providers: this.providers,
      associations: this.associations,
      objects: this.objects,
      releases: this.releases,
      datasources: this.datasources,
      dashboards: this.dashboards,
    };
    return JSON.stringify(maps, (_, value: unknown) => (value instanceof Map ? [...value].sort(([a], [b]) => (a < b ? -1 : 1)) : value), 1);
  }

  #write<T>(act: () => T): T {
    const fault = this.#fault?.at === ++this.writes ? this.#fault : undefined;
    if (fault) this.#fault = undefined;
    if (fault?.when === 'before') throw new Error('refused');
    const result = act();
    if (fault) throw new Error('the reply was lost');
    return result;
  }

  bucketsPort(): Buckets {
    const bucket = (name: string) => {
      const found = this.buckets.get(name);
      if (!found) throw new Error(`no bucket ${name}`);
      return found;
    };
    const set = (name: string, change: Partial<BucketState>) => this.#write(() => void Object.assign(bucket(name), structuredClone(change)));
    return {
      look: async (name) => {
        const found = this.buckets.get(name);
        if (!found) return { is: 'absent' };
        const { objects: _, oldest: __, ...state } = structuredClone(found);
        return state;
      },
      create: async (name, { tags }) =>
        this.#write(() => {
          const fresh = {
            is: 'ours-to-read',
            name,
            region: this.region,
            tags: { ...tags },
            publicAccessBlocked: true,
            encryption: { algorithm: 'AES256' },
          } as const;
          this.buckets.set(name, { ...fresh, lifecycle: [], versioning: 'off', objectLock: false, objects: 0 });
        }),
      setTags: async (name, tags) => set(name, { tags }),
      blockPublicAccess: async (name) => set(name, { publicAccessBlocked: true }),
      setPolicy: async (name, policy) => set(name, { policy }),
      setEncryption: async (name, encryption) => set(name, { encryption }),
      setLifecycle: async (name, lifecycle) => {
        const before = bucket(name).lifecycle.map((rule) => JSON.stringify(rule));
        const added = lifecycle.filter((rule) => JSON.stringify(rule['Expiration'] ?? {}).includes('Days') && !before.includes(JSON.stringify(rule)));
        if (added.length > 0) this.losses.push(`expiry of ${name}`);
        set(name, { lifecycle });
      },
      contents: async (name) => {
        const { objects, oldest } = bucket(name);
        return { objects, bytes: objects * 1024, exact: true, ...(oldest && { oldest }) };
      },
      keys: async () => ({ keys: [], more: false }),
      empty: async (name) => {
        if (bucket(name).objects === 0) return;
        this.losses.push(`objects of ${name}`);
        this.#write(() => void (bucket(name).objects = 0));
      },
      delete: async (name) => {
        if (this.buckets.has(name)) this.#write(() => void this.buckets.delete(name));
      },
    };
  }

  rolesPort(): Roles {
    const set = (name: string, change: (role: Mutable<Role>) => void) =>
      this.#write(() => {
        const role = this.roles.get(name);
        if (!role) throw new Error(`no role ${name}`);
        change(role);
      });
    return {
      find: async (name) => structuredClone(this.roles.get(name)),
      create: async ({ name, path, trust, description, permissionsBoundary, tags }) =>
        this.#write(() => {
          if (this.roles.has(name)) throw new Error(`role ${name} exists`);
          const boundary = permissionsBoundary === undefined ? {} : { permissionsBoundary };
          this.roles.set(name, {
            arn: `arn:aws:iam::1:role${path}${name}`,
            name,
            path,
            trust,
            description,
            ...boundary,
            tags: { ...tags },
            inline: {},
            attached: [],
          });
        }),
      setTrust: async (name, trust) => set(name, (role) => void (role.trust = trust)),
      setInline: async (name, policy, document) =>
        set(name, (role) => {
          const { [policy]: _, ...others } = role.inline;
          role.inline = document === undefined ? others : { ...others, [policy]: document };
        }),
      setBoundary: async (name, boundary) =>
        set(name, (role) => (boundary === undefined ? delete role.permissionsBoundary : (role.permissionsBoundary = boundary))),
      tag: async (name, tags) => set(name, (role) => void (role.tags = { ...role.tags, ...tags })),
      untag: async (name, keys) => set(name, (role) => void (role.tags = Object.fromEntries(Object.entries(role.tags).filter(([key]) => !keys.includes(key))))),
      delete: async (name, policy) => {
        const role = this.roles.get(name);
        if (!role) return;
        const others = [...role.attached, ...Object.keys(role.inline).filter((one) => one !== policy), ...(this.profiles.get(name) ?? [])];
        if (others.length > 0) throw stop('ROLE_IN_USE', { message: `The role ${name} can't be deleted: ${others.join(', ')} is on it` });
        this.#write(() => void this.roles.delete(name));
      },
      instanceProfiles: async (name) => this.profiles.get(name) ?? [],
      denied: async () => [],
    };
  }

  oidcProvidersPort(arn: string): OidcProviders {
    return {
      find: async (asked) => structuredClone(this.providers.get(asked)),
      create: async ({ audience, tags }) => this.#write(() => void this.providers.set(arn, { arn, audiences: [audience], tags: { ...tags } })),
      addAudience: async (asked, audience) =>
        this.#write(() => void (this.providers.get(asked)!.audiences = [...this.providers.get(asked)!.audiences, audience])),
      removeAudience: async (asked, audience) =>
        this.#write(() => void (this.providers.get(asked)!.audiences = this.providers.get(asked)!.audiences.filter((other) => other !== audience))),
      tag: async (asked, tags) => this.#write(() => void (this.providers.get(asked)!.tags = { ...this.providers.get(asked)!.tags, ...tags })),
      untag: async (asked, keys) =>
        this.#write(
          () =>
            void (this.providers.get(asked)!.tags = Object.fromEntries(Object.entries(this.providers.get(asked)!.tags).filter(([key]) => !keys.includes(key)))),
        ),
      delete: async (asked) => {
        if (this.providers.has(asked)) this.#write(() => void this.providers.delete(asked));
      },
    };
  }

  associationsPort(): Associations {
    return {
      find: async ({ serviceAccount }) => structuredClone(this.associations.get(serviceAccount)),
      create: async ({ serviceAccount, roleArn, tags }) =>
        this.#write(() => {
          const made = { id: `a-${serviceAccount}`, arn: `arn:aws:eks:::podidentityassociation/${serviceAccount}`, roleArn, tags: { ...tags } };
          this.associations.set(serviceAccount, made);
          return made;
        }),
      update: async ({ id, roleArn }) => this.#write(() => void (this.associations.get(id.slice(2))!.roleArn = roleArn)),
      tag: async (arn, tags) =>
        this.#write(() => {
          const found = this.associations.get(arn.split('/')[1]!)!;
          found.tags = { ...found.tags, ...tags };
        }),
      untag: async (arn, keys) =>
        this.#write(() => {
          const found = this.associations.get(arn.split('/')[1]!)!;
          found.tags = Object.fromEntries(Object.entries(found.tags).filter(([key]) => !keys.includes(key)));
        }),
      delete: async ({ id }) => {
        if (this.associations.has(id.slice(2))) this.#write(() => void this.associations.delete(id.slice(2)));
      },
    };
  }

  webIdentityPort(): WebIdentity {
    return { assume: async () => ({ accessKeyId: 'A', secretAccessKey: 'S', sessionToken: 'T' }), probe: async () => {} };
  }

  kubernetesPort(): Kubernetes {
    const key = ({ kind, namespace, name }: Pick<Ref, 'kind' | 'namespace' | 'name'>) => `${kind}/${namespace ?? ''}/${name}`;
    const keyOf = ({ kind, metadata }: KubeObject) => key({ kind, ...metadata });
    // Apart from the objects: a version is no part of what undo restores.
    const versionOf = (of: string) => String(this.versions.get(of) ?? 0);
    const touch = (of: string) => void this.versions.set(of, (this.versions.get(of) ?? 0) + 1);
    return {
      version: async () => 'v1.33.4-eks-1',
      get: async (ref) => {
        const found = this.objects.get(key(ref)) ?? this.#released(ref);
        return found && structuredClone({ ...found, metadata: { ...found.metadata, resourceVersion: versionOf(key(ref)) } });
      },
      list: async ({ kind, namespace, labels }) => {
        const wanted = (labels ?? '').split(',').flatMap((pair) => (pair === '' ? [] : [pair.split('=') as [string, string?]]));
        return [...this.objects.values()].filter(
          (object) =>
            object.kind === kind &&
            (!namespace || object.metadata.namespace === namespace) &&
            wanted.every(([label, value]) => (value === undefined ? object.metadata.labels?.[label] !== undefined : object.metadata.labels?.[label] === value)),
        );
      },
      table: async () => [],
      create: async (object) =>
        this.#write(() => {
          if (this.objects.has(keyOf(object))) throw new Error(`${keyOf(object)} exists`);
          this.objects.set(keyOf(object), structuredClone(object));
          touch(keyOf(object));
          return object;
        }),
      replace: async (object) => this.#write(() => (this.objects.set(keyOf(object), structuredClone(object)), object)),
      patch: async (ref, patch) =>
        this.#write(() => {
          const found = this.objects.get(key(ref));
          if (!found) throw new Error(`no ${key(ref)}`);
          const merged = mergePatch(found, patch) as KubeObject;
          this.objects.set(key(ref), merged);
          touch(key(ref));
          return merged;
        }),
      delete: async (ref) => {
        if (this.objects.has(key(ref))) this.#write(() => void this.objects.delete(key(ref)));
      },
      denied: async () => [],
      token: async () => 'token',
      logs: async () => [],
      raw: async () => ({ status: 404, body: '' }),
      forward: async () => ({ status: 200, headers: {}, body: '' }),
    };
  }

  /** Its data source is let in with the password that the gateway's file has. */
  grafanaPort(): Grafana {
    const save = (wanted: GrafanaDatasource, secrets: GrafanaSecrets) =>
      this.#write(
        () => void this.datasources.set(wanted.uid, structuredClone({ ...wanted, secrets: { ...this.datasources.get(wanted.uid)?.secrets, ...secrets } })),
      );
    return {
      datasources: async () =>
        [...this.datasources.values()].map((source) => {
          const { secrets: _, ...shown } = source;
          return structuredClone(shown);
        }),
      createDatasource: async (wanted, secrets) => save(wanted, secrets),
      updateDatasource: async (wanted, secrets) => save(wanted, secrets),
      deleteDatasource: async (uid) => {
        if (this.datasources.has(uid)) this.#write(() => void this.datasources.delete(uid));
      },
      dashboard: async (uid) => structuredClone(this.dashboards.get(uid)),
      saveDashboard: async (board) => this.#write(() => void this.dashboards.set(String(board['uid']), structuredClone(board))),
      deleteDashboard: async (uid) => {
        if (this.dashboards.has(uid)) this.#write(() => void this.dashboards.delete(uid));
      },
      lines: async (uid) => {
        const secret = this.objects.get('Secret/loki/loki-gateway-login')?.['data'] as Readonly<Record<string, string>> | undefined;
        const inForce = Buffer.from(secret?.['password'] ?? '', 'base64').toString();
        if (this.datasources.get(uid)?.secrets['basicAuthPassword'] !== inForce) throw new ProblemError(problem('DATASOURCE_LOGIN_REFUSED'));
        return [];
      },
    };
  }

  /** Releases that this world's helm has applied: of what it creates only the manifest is kept. */
  readonly #applied = new Set<string>();

  #released({ kind, name, namespace }: Ref): KubeObject | undefined {
    const all = [...this.#applied].flatMap((release) => this.releases.get(release)?.slice(-1) ?? []);
    const made = all.flatMap((release) => (release.manifest && release.namespace === namespace ? objectsIn(release.manifest) : []));
    return made.find((object) => object.kind === kind && object.metadata.name === name);
  }

  releasesPort(): Releases {
    const newest = (name: string) => this.releases.get(name)?.at(-1);
    return {
      helm: async () => ({ path: '/usr/bin/helm', version: '4.1.4' }),
      find: async (name) => structuredClone(newest(name)),
      upgrade: async ({ name, namespace, chart, values, labels }) =>
        this.#write(() => {
          this.#applied.add(name);
          const before = this.releases.get(name) ?? [];
          const revision = before.length + 1;
          const made = { name, namespace, revision, status: 'deployed', chart: chart.name, chartVersion: chart.version, appVersion: chart.appVersion };
          this.releases.set(name, [
            ...before,
            { ...made, values: structuredClone(values) as Release['values'], manifest: rendered(values), labels: { ...labels }, lastGood: revision },
          ]);
        }),
      // History is not what a rollback restores: the world in force is.
      rollback: async ({ name, revision }) => this.#write(() => void this.releases.set(name, this.releases.get(name)!.slice(0, revision))),
      uninstall: async ({ name }) => {
        if (this.releases.has(name)) this.#write(() => void this.releases.delete(name));
      },
      abandon: async () => {},
      manifest: async ({ name, revision }) => this.releases.get(name)?.[revision - 1]?.manifest ?? '',
      render: async ({ values }) => rendered(values),
      ready: async () => {},
      unready: async () => [],
    };
  }
}

/** What a chart of Loki makes of its values, as far as anything here reads it. */
function rendered(values: object): string {
  const { loki } = values as { readonly loki?: Readonly<Record<string, unknown>> };
  if (!loki) return '';
  const config = { limits_config: loki['limits_config'], compactor: loki['compactor'], ...(loki['structuredConfig'] as object | undefined) };
  const data = {
    'config.yaml': JSON.stringify(config),
    ...(loki['runtimeConfig'] !== undefined && { 'runtime-config.yaml': JSON.stringify(loki['runtimeConfig']) }),
  };
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'loki' }, data });
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> = target && typeof target === 'object' && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || value === undefined) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}
