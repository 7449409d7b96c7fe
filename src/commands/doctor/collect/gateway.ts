/** The gateway in front of a Loki: its nginx, its Service, its logins, and its responses. */
import type { Answer, GatewayEvidence } from '../analyze/loki-evidence.ts';
import type { Workload } from '../analyze/objects-evidence.ts';
import { objectsIn, refIn, targetOf } from '../../../design/drift.ts';
import type { KubeObject } from '../../../ports/kubernetes.ts';
import type { Logs } from '../../../ports/logs.ts';
import type { Release } from '../../../ports/releases.ts';
import { componentOf, collected, mountedFile, portOf, type CollectContext } from './objects.ts';

export async function gatewayOf(
  { session: { kubernetes }, miss }: CollectContext,
  of: { readonly namespace: string; readonly workloads: readonly Workload[] },
): Promise<GatewayEvidence | undefined> {
  const workload = of.workloads.find(({ component }) => component === 'gateway');
  const container = workload?.template.containers.find(({ name, image }) => name === 'nginx' || /nginx/.test(image ?? '')) ?? workload?.template.containers[0];
  if (!workload || !container) return undefined;
  const { namespace, template } = workload;
  const file = await mountedFile(kubernetes, { namespace, template, container, path: '/etc/nginx/nginx.conf' }).catch(
    (error: unknown) => void miss('nginx.conf', error),
  );
  const text = (file?.text ?? '').replace(/^[ \t]*#.*$/gm, '');
  const realm = /^[ \t]*auth_basic[ \t]+("?)(?!off\b)[^;\s][^;\n]*\1;/m.test(text);
  const tenant = /proxy_set_header\s+x-scope-orgid\s+"?([^";\s]+)"?\s*;/i.exec(text)?.[1];
  const path = /auth_basic_user_file\s+"?([^";\s]+)"?;/.exec(text)?.[1];
  const over = path ? (container.volumeMounts ?? []).filter(({ mountPath }) => path.startsWith(`${mountPath.replace(/\/$/, '')}/`)) : [];
  const folder = over.toSorted((a, b) => b.mountPath.length - a.mountPath.length)[0]?.name;
  const volume = template.volumes?.find(({ name }) => name === folder);
  const secret = volume?.secret?.secretName;
  const [exists, service] = await Promise.all([
    secret
      ? collected(
          miss,
          `Secret ${namespace}/${secret}`,
          kubernetes.get({ apiVersion: 'v1', kind: 'Secret', namespace, name: secret }).then((found) => ({ found })),
        )
      : undefined,
    collected(miss, `Service ${namespace}/${workload.name}`, kubernetes.get({ apiVersion: 'v1', kind: 'Service', namespace, name: workload.name })),
  ]);
  const type = (service?.['spec'] as { type?: string } | undefined)?.type;
  const ingress = (service?.['status'] as { loadBalancer?: { ingress?: readonly object[] } } | undefined)?.loadBalancer?.ingress ?? [];
  const key = volume?.secret?.items?.find(({ path: item }) => path?.endsWith(`/${item}`))?.key ?? path?.split('/').at(-1) ?? '.htpasswd';
  const wrong = exists?.found && htpasswdFault(exists.found, key);
  const resolver = /^[ \t]*resolver[ \t]+(\S+?);?\s/m.exec(`${text} `)?.[1];
  const upstreams = [...text.matchAll(/\b(?:set\s{1,9}\$\w{1,64}|proxy_pass)\s{1,9}"?(https?:\/\/[\w.-]{1,255}(?::\d+)?)/g)].map(([, url]) => url!);
  return {
    workload,
    ...(upstreams.length > 0 && { upstreams: [...new Set(upstreams)] }),
    configFrom: file?.from ?? `Deployment ${namespace}/${workload.name}`,
    asksLogin: realm,
    ...(tenant && { setsTenant: tenant }),
    ...(resolver && { resolver }),
    ...(secret && { loginSecret: { name: secret, ...(exists && { exists: exists.found !== undefined }), ...(wrong && { wrong }) } }),
    ...(type && { serviceType: type }),
    ...(type === 'LoadBalancer' && { addressed: ingress.length > 0 }),
  };
}

/** Gateway objects that are in its release but not in the cluster, as `Deployment loki/loki-gateway`; read only if something is missing. */
export async function gatewayLost(
  { session: { kubernetes }, miss }: CollectContext,
  { namespace, release, gateway }: { readonly namespace: string; readonly release: Release | undefined; readonly gateway: GatewayEvidence | undefined },
): Promise<readonly string[]> {
  if (!release?.manifest || (gateway && gateway.serviceType !== undefined)) return [];
  // Documents with another name need not be parsed.
  const documents = release.manifest.split(/^---$/m).filter((text) => text.includes('gateway'));
  const wanted = objectsIn(documents.join('---')).filter(
    ({ kind, metadata }) => /^(Deployment|Service)$/.test(kind) && componentOf(metadata.labels) === 'gateway',
  );
  const found = await Promise.all(
    wanted.map(async (object) => {
      const ref = refIn(object, namespace);
      const seen = await collected(
        miss,
        targetOf(ref),
        kubernetes.get(ref).then((there) => ({ there })),
      );
      return seen && !seen.there ? [targetOf(ref)] : [];
    }),
  );
  return found.flat();
}

/** The gateway's response; the beginning of a long one. */
export async function askGateway(logs: Logs, path: string, as: Parameters<Logs['get']>[1] = {}): Promise<Answer> {
  return logs.get(path, as).then(({ status, body, headers }) => ({ status, body: body.slice(0, 4000), headers }));
}

export async function gatewayLogs(
  { run, session }: CollectContext,
  { namespace, workload }: { readonly namespace: string; readonly workload: Workload },
): Promise<Logs> {
  const selector = Object.entries(workload.selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const container = workload.template.containers.find(({ name, image }) => name === 'nginx' || /nginx/.test(image ?? '')) ?? workload.template.containers[0];
  return run.deps.logs({
    kubernetes: session.kubernetes,
    namespace,
    selector,
    port: portOf(container, /^http/) ?? (workload.component === 'gateway' ? 8080 : 3100),
  });
}

/** Why nginx can't use the Secret's contents; the hashes themselves never leave this function. */
function htpasswdFault(secret: KubeObject, key: string): string | undefined {
  const data = (secret['data'] ?? {}) as Readonly<Record<string, string>>;
  const encoded = data[key];
  if (encoded === undefined) return `it has no key ${key}, only ${Object.keys(data).join(', ') || 'none at all'}`;
  const text = Buffer.from(encoded, 'base64').toString();
  if (text.includes('\r')) return `its lines end as on Windows (CRLF), which nginx takes for a part of the hash`;
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  if (lines.length === 0) return `key ${key} is empty`;
  const odd = lines.findIndex((line) => !HASHED.test(line));
  if (odd < 0) return undefined;
  return /^[A-Za-z0-9+/]{16,}={0,2}$/.test(lines[odd]!)
    ? `key ${key} is Base64 twice over`
    : `line ${odd + 1} of key ${key} is not user:hash in a form that nginx knows`;
}

/** apr1, bcrypt, SHA, crypt and nginx's own schemes; any other format is rejected by the library. */
const HASHED = /^[^:\s]+:(\$(apr1|1|2[abxy]|5|6|y)\$\S+|\{(SHA|SSHA|PLAIN)\}\S+|[./A-Za-z0-9]{13})(:.*)?$/;
