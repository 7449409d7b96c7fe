/** Where collectors write to, with which login and tenant: `loki.write` of Alloy, `clients` of Promtail. */
import type { Login, WriterEvidence } from '../analyze/collectors-evidence.ts';
import type { Container, Workload } from '../analyze/objects-evidence.ts';
import { blocksNamed, literal, type AlloyBlock } from '../../../design/alloy-reading.ts';
import { getPath } from '../../../design/get-path.ts';
import type { Json } from '../../../engine/types.ts';
import { fileFault, collected, mountedFile, type CollectContext } from './objects.ts';

interface Home {
  readonly workload: Workload;
  readonly container: Container | undefined;
}

export async function alloyWriters(
  looking: CollectContext,
  { blocks, ...home }: Home & { readonly blocks: readonly AlloyBlock[] },
): Promise<readonly WriterEvidence[]> {
  const staged = blocksNamed(blocks, 'stage.tenant').length > 0;
  return Promise.all(
    blocksNamed(blocks, 'loki.write').flatMap((write) =>
      write.blocks
        .filter(({ name }) => name === 'endpoint')
        .map((endpoint) => alloyWriter(looking, { endpoint, staged, home, component: `loki.write "${write.label ?? ''}"` })),
    ),
  );
}

async function alloyWriter(
  looking: CollectContext,
  of: { readonly endpoint: AlloyBlock; readonly component: string; readonly staged: boolean; readonly home: Home },
): Promise<WriterEvidence> {
  const { endpoint, component, home, staged } = of;
  const { attributes, blocks, line } = endpoint;
  const basic = blocks.find(({ name }) => name === 'basic_auth')?.attributes;
  const url = literal(attributes['url']);
  const hasLogin =
    basic !== undefined ||
    ['authorization', 'oauth2', 'bearer_token', 'bearer_token_file'].some((key) => key in attributes || blocks.some(({ name }) => name === key)) ||
    /authorization/i.test(attributes['headers'] ?? '');
  const value = async (text: string | undefined) => literal(text) ?? (await fromEnvironment(looking, /(?:sys\.)?env\("([^"]+)"\)/.exec(text ?? '')?.[1], home));
  const login =
    basic &&
    (await collected(
      looking.miss,
      `credentials of ${component}`,
      loginOf(looking, { home, file: literal(basic['password_file']), user: () => value(basic['username']), password: () => value(basic['password']) }),
    ));
  if (login) looking.run.deps.hide(login.password);
  const fault = await passwordFault(looking, home, literal(basic?.['password_file']));
  return {
    component,
    line,
    ...(fault && { passwordFault: fault }),
    ...(url !== undefined && { url }),
    hasLogin,
    ...(login && { login }),
    ...alloyTenant(endpoint, staged),
    ours: false,
  };
}

const passwordFault = ({ session: { kubernetes }, miss }: CollectContext, { workload, container }: Home, path: string | undefined) =>
  container && path
    ? collected(miss, `file ${path}`, fileFault(kubernetes, { namespace: workload.namespace, template: workload.template, container, path }))
    : undefined;

function alloyTenant({ attributes }: AlloyBlock, staged: boolean): Pick<WriterEvidence, 'tenant'> {
  const headers = attributes['headers'] ?? '';
  const header = /"x-scope-orgid"\s*=\s*"([^"]*)"/i.exec(headers)?.[1];
  const name = literal(attributes['tenant_id']) ?? header;
  if (staged) return { tenant: { is: 'dynamic' } };
  if (name) return { tenant: { is: 'fixed', name } };
  const computed = (attributes['tenant_id'] !== undefined && literal(attributes['tenant_id']) === undefined) || /x-scope-orgid/i.test(headers);
  return computed ? { tenant: { is: 'dynamic' } } : {};
}

interface LoginParts {
  readonly home: Home;
  readonly file: string | undefined;
  readonly user: () => Promise<string | undefined>;
  readonly password: () => Promise<string | undefined>;
}

async function loginOf({ session: { kubernetes } }: CollectContext, { home, file, ...parts }: LoginParts): Promise<Login | undefined> {
  const { workload, container } = home;
  if (!container) return undefined;
  const mounted = file ? await mountedFile(kubernetes, { namespace: workload.namespace, template: workload.template, container, path: file }) : undefined;
  const [user, password] = [await parts.user(), mounted?.text.trim() ?? (await parts.password())];
  return user === undefined || password === undefined ? undefined : { user, password };
}

async function fromEnvironment(
  { session: { kubernetes } }: CollectContext,
  name: string | undefined,
  { workload, container }: Home,
): Promise<string | undefined> {
  const variable = container?.env?.find((one) => one.name === name);
  const from = variable?.valueFrom?.secretKeyRef;
  if (!from) return variable?.value;
  const secret = await kubernetes.get({ apiVersion: 'v1', kind: 'Secret', namespace: workload.namespace, name: from.name });
  const encoded = (secret?.['data'] as Readonly<Record<string, string>> | undefined)?.[from.key];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString();
}

const words = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);
const text = (value: Json | undefined): string | undefined => (typeof value === 'string' || typeof value === 'number' ? String(value) : undefined);

export async function promtailWriters(looking: CollectContext, { config, ...home }: Home & { readonly config: Json }): Promise<readonly WriterEvidence[]> {
  const staged = /^[ \t]*(?:-[ \t]*)?tenant:/m.test(JSON.stringify(config).replaceAll('"tenant":', '\ntenant:'));
  const single = getPath(config, 'client');
  const clients = single === undefined ? words(getPath(config, 'clients')) : [single, ...words(getPath(config, 'clients'))];
  return Promise.all(
    clients.map(async (client, index): Promise<WriterEvidence> => {
      const component = `clients[${index}]`;
      const url = text(getPath(client, 'url'));
      const basic = getPath(client, 'basic_auth');
      // With -config.expand-env a value may be ${NAME}.
      const value = async (path: string) => {
        const said = text(getPath(client, path));
        const name = /^\$\{(\w+)\}$/.exec(said ?? '')?.[1];
        return name ? fromEnvironment(looking, name, home) : said;
      };
      const user = () => value('basic_auth.username');
      const password = () => value('basic_auth.password');
      const file = text(getPath(client, 'basic_auth.password_file'));
      const login =
        basic === undefined ? undefined : await collected(looking.miss, `credentials of ${component}`, loginOf(looking, { home, file, user, password }));
      if (login) looking.run.deps.hide(login.password);
      const fault = await passwordFault(looking, home, file);
      const headers = (getPath(client, 'headers') ?? {}) as Readonly<Record<string, Json>>;
      const header = Object.entries(headers).find(([key]) => key.toLowerCase() === 'x-scope-orgid')?.[1];
      const tenant = text(getPath(client, 'tenant_id')) ?? text(header);
      const hasLogin =
        basic !== undefined || ['bearer_token', 'bearer_token_file', 'authorization', 'oauth2'].some((key) => getPath(client, key) !== undefined);
      return {
        component,
        line: 1,
        ...(url !== undefined && !url.includes('${') && { url }),
        hasLogin,
        ...(login && { login }),
        ...(staged || tenant?.includes('${') ? { tenant: { is: 'dynamic' } as const } : tenant ? { tenant: { is: 'fixed', name: tenant } as const } : {}),
        ...(fault && { passwordFault: fault }),
        ours: false,
      };
    }),
  );
}
