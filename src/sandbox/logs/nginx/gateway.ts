/** The nginx in front of Loki: starts if its configuration is valid, checks logins, routes to the component Services. */
import type { ComponentStart, SandboxRequest, SandboxResponse } from '../../types.ts';
import { type Process, readMounted } from '../process.ts';
import type { LogSurroundings } from '../surroundings.ts';
import { type Directive, find, locationFor, NginxConfigError, parseNginx, substitute } from './configuration.ts';
import { checkLogin } from './htpasswd.ts';

const CONFIG = '/etc/nginx/nginx.conf';
const STAMP = (now: Date): string => now.toISOString().slice(0, 19).replaceAll('-', '/').replace('T', ' ');

export function isGateway(process: Process): boolean {
  return /nginx/.test(process.container.image) && (process.container.volumeMounts ?? []).some((mount) => CONFIG.startsWith(mount.mountPath));
}

/** nginx's startup: parses and resolves its resolver; opens the password file only for a request. */
export function startGateway(around: LogSurroundings, process: Process): ComponentStart {
  const emerg = (message: string): ComponentStart => ({
    ready: false,
    crash: { exitCode: 1 },
    lines: [`${STAMP(around.clock.now())} [emerg] 1#1: ${message}`],
  });
  const text = readMounted(around.store, process, CONFIG);
  if (text === undefined) return emerg(`open() "${CONFIG}" failed (2: No such file or directory)`);
  try {
    const http = find(parseNginx(text), 'http');
    const resolver = find(http?.inside, 'resolver');
    if (resolver !== undefined && !resolves(around, resolver.args))
      return emerg(`host not found in resolver "${resolver.args[0]}" in ${CONFIG}:${resolver.line}`);
    if (find(http?.inside, 'server') === undefined) return emerg(`no server is defined in ${CONFIG}`);
    return { ready: true, lines: [`${STAMP(around.clock.now())} [notice] 1#1: start worker processes`] };
  } catch (error) {
    if (error instanceof NginxConfigError) return emerg(`${error.message} in ${CONFIG}:${error.line}`);
    throw error;
  }
}

function resolves(around: LogSurroundings, args: readonly string[]): boolean {
  return args.filter((arg) => !arg.includes('=')).every((arg) => isAddress(arg) || around.network.service(arg.replace(/:\d+$/, ''), 'default') !== undefined);
}

const isAddress = (host: string): boolean => /^[\d.]+(:\d+)?$/.test(host) || host.startsWith('[');

/** An address is not checked at startup; names are resolved through it at every request. */
function answersDns(around: LogSurroundings, resolver: Directive | undefined): boolean {
  const address = resolver?.args[0]?.replace(/:\d+$/, '') ?? '';
  if (!isAddress(address)) return true;
  if (address.startsWith('169.254.') || around.network.service(address, 'default') !== undefined) return true;
  // Auto Mode nodes serve DNS on the tenth address of the service range, without a Service.
  return address.endsWith('.0.10') && around.store.get('Service', 'kube-system', 'kube-dns') === undefined;
}

const REASONS: Readonly<Record<number, string>> = {
  401: '401 Authorization Required',
  403: '403 Forbidden',
  404: '404 Not Found',
  413: '413 Request Entity Too Large',
  500: '500 Internal Server Error',
  502: '502 Bad Gateway',
  504: '504 Gateway Time-out',
};

/** As its pages and its `server` header name it: `server_tokens` is on by default. */
function versionOf(process: Process): string {
  const [, version = '1.31.0'] = /:v?(\d+\.\d+(?:\.\d+)?)/.exec(process.container.image) ?? [];
  return `nginx/${/\.\d+\./.test(version) ? version : `${version}.0`}`;
}

function page(process: Process, status: number, headers: Readonly<Record<string, string>> = {}): SandboxResponse {
  const server = versionOf(process);
  const title = REASONS[status] ?? String(status);
  const body = [
    '<html>',
    `<head><title>${title}</title></head>`,
    '<body>',
    `<center><h1>${title}</h1></center>`,
    `<hr><center>${server}</center>`,
    '</body>',
    '</html>',
    '',
  ].join('\r\n');
  return { status, headers: { 'content-type': 'text/html', server, ...headers }, body };
}

export function serveGateway(around: LogSurroundings, process: Process, request: SandboxRequest): SandboxResponse {
  const text = readMounted(around.store, process, CONFIG);
  const http = text === undefined ? undefined : find(parseNginx(text), 'http')?.inside;
  const server = find(http, 'server')?.inside;
  if (http === undefined || server === undefined) return page(process, 500);
  const [raw = '/'] = request.path.split('?');
  // `merge_slashes` is on by default: locations see one slash, upstream sees what was sent.
  const path = decodePath(raw.replace(/\/{2,}/g, '/'));
  const location = locationFor(server, path);
  const scopes = [http, server, location?.inside ?? []];
  const response = answer(around, process, { request, path, scopes, location });
  const line = accessLine(around.clock.now(), scopes, { request, response });
  if (line !== undefined) around.print(process.pod, process.container.name, line);
  return response;
}

/** For an access log without a format. */
const COMBINED = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';

/** The access log's line for a request; nothing where the log is off for it. */
function accessLine(
  now: Date,
  scopes: readonly (readonly Directive[])[],
  of: { readonly request: SandboxRequest; readonly response: SandboxResponse },
): string | undefined {
  const { request, response } = of;
  const [target, format = 'combined', ...options] = inherited(scopes, 'access_log')?.args ?? ['/var/log/nginx/access.log'];
  if (target === 'off') return undefined;
  const variables: Record<string, string> = {
    ...requestVariables(request),
    status: String(response.status),
    request: `${request.method} ${request.path} HTTP/1.1`,
    body_bytes_sent: String(request.method === 'HEAD' ? 0 : Buffer.byteLength(response.body)),
    time_local: `${localTime(now)} +0000`,
    time_iso8601: `${now.toISOString().slice(0, 19)}+00:00`,
  };
  const [http = []] = scopes;
  for (const map of http) {
    if (map.name !== 'map') continue;
    const [source = '', name = ''] = map.args;
    variables[name.replace('$', '')] = mapped(map.inside ?? [], substitute(source, variables));
  }
  const condition = options.find((option) => option.startsWith('if='))?.slice(3);
  if (condition !== undefined && ['', '0'].includes(substitute(condition, variables))) return undefined;
  const formats = http.filter(({ name, args }) => name === 'log_format' && args[0] === format);
  const text = formats.at(-1)?.args.slice(1).join('') ?? COMBINED;
  // A missing value is a dash.
  return text.replace(/\$(\w+)/g, (_, name: string) => variables[name] || '-');
}

function mapped(entries: readonly Directive[], value: string): string {
  const hit = entries.find(({ name }) =>
    name.startsWith('~') ? new RegExp(name.replace(/^~\*?/, ''), name.startsWith('~*') ? 'i' : '').test(value) : name === value,
  );
  return (hit ?? find(entries, 'default'))?.args[0] ?? '';
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `28/Nov/2026:18:21:33` */
function localTime(now: Date): string {
  const [date = '', time = ''] = now.toISOString().slice(0, 19).split('T');
  const [year, month, day] = date.split('-');
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time}`;
}

function requestVariables(request: SandboxRequest): Record<string, string> {
  const variables: Record<string, string> = {
    request_uri: request.path,
    remote_user: userOf(request),
    host: request.headers['host'] ?? 'loki-gateway',
    scheme: 'http',
    remote_addr: addressOf(request),
  };
  for (const [name, value] of Object.entries(request.headers)) variables[`http_${name.toLowerCase().replaceAll('-', '_')}`] = value;
  return variables;
}

const addressOf = ({ from = '127.0.0.1' }: SandboxRequest): string => from;

/** A line of the error log about one request. */
function complaint(
  around: LogSurroundings,
  process: Process,
  of: { readonly message: string; readonly request: SandboxRequest; readonly upstream?: string },
): void {
  const { message, request, upstream } = of;
  const about = `client: ${addressOf(request)}, server: , request: "${request.method} ${request.path} HTTP/1.1"${upstream === undefined ? '' : `, upstream: "${upstream}"`}, host: "${request.headers['host'] ?? 'loki-gateway'}"`;
  around.print(process.pod, process.container.name, `${STAMP(around.clock.now())} [error] 30#30: *1 ${message}, ${about}`);
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

interface Asked {
  readonly request: SandboxRequest;
  readonly path: string;
  readonly scopes: readonly (readonly Directive[])[];
  readonly location: Directive | undefined;
}

function answer(around: LogSurroundings, process: Process, asked: Asked): SandboxResponse {
  const inside = asked.location?.inside;
  const limit = megabytes(inherited(asked.scopes, 'client_max_body_size')?.args[0]);
  if (asked.request.body.length > limit) return page(process, 413);
  // `return` belongs to the rewrite phase, which comes before the access phase.
  const returned = find(inside, 'return');
  if (returned !== undefined)
    return {
      status: Number(returned.args[0]),
      headers: { 'content-type': 'application/octet-stream', server: versionOf(process) },
      body: returned.args[1] ?? '',
    };
  if (find(inside, 'internal') !== undefined) return page(process, 404);
  const refused = unauthorized(around, process, asked);
  if (refused !== undefined) return refused;
  if (find(inside, 'stub_status') !== undefined) return page(process, 403);
  const proxied = find(inside, 'proxy_pass');
  if (proxied === undefined) return page(process, 404);
  return proxy(around, process, { asked, to: proxied.args[0] ?? '' });
}

function inherited(scopes: readonly (readonly Directive[])[], name: string): Directive | undefined {
  return scopes.map((scope) => find(scope, name)).findLast((directive) => directive !== undefined);
}

function megabytes(text = '1m'): number {
  const match = /^(\d+)([kmg]?)$/i.exec(text);
  const unit = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[match?.[2]?.toLowerCase() ?? ''] ?? 1;
  return match === null || Number(match[1]) === 0 ? Number.POSITIVE_INFINITY : Number(match[1]) * unit;
}

function loginOf(request: SandboxRequest): string {
  const basic = /^Basic\s+(\S+)$/i.exec(request.headers['authorization'] ?? '');
  return basic === null ? '' : Buffer.from(basic[1] as string, 'base64').toString('utf8');
}
const userOf = (request: SandboxRequest): string => loginOf(request).split(':')[0] ?? '';

function unauthorized(around: LogSurroundings, process: Process, asked: Asked): SandboxResponse | undefined {
  const realm = inherited(asked.scopes, 'auth_basic')?.args[0];
  const path = inherited(asked.scopes, 'auth_basic_user_file')?.args[0];
  if (realm === undefined || realm === 'off') return undefined;
  const file = path === undefined ? undefined : readMounted(around.store, process, path);
  const complain = (message: string): void => complaint(around, process, { message, request: asked.request });
  const login = loginOf(asked.request);
  if (login === '') return page(process, 401, { 'www-authenticate': `Basic realm="${realm}"` });
  if (file === undefined) {
    complain(`open() "${path}" failed (2: No such file or directory)`);
    return page(process, 403);
  }
  const verdict = checkLogin(file, login);
  if (verdict === 'right') return undefined;
  if (verdict === 'unknown-hash')
    return {
      status: 500,
      headers: { 'content-type': 'text/plain' },
      body: `The sandbox's nginx checks {SSHA}, {SHA}, {PLAIN}, $apr1$, $6$ and bcrypt in ${path}; this user's hash is of another kind.\n`,
    };
  complain(`user "${userOf(asked.request)}": password mismatch`);
  return page(process, 401, { 'www-authenticate': `Basic realm="${realm}"` });
}

function proxy(around: LogSurroundings, process: Process, of: { readonly asked: Asked; readonly to: string }): SandboxResponse {
  const { request, path, scopes } = of.asked;
  const base: Record<string, string> = { ...requestVariables(request), uri: path };
  for (const scope of scopes) for (const set of scope) if (set.name === 'set') base[(set.args[0] ?? '').replace('$', '')] = substitute(set.args[1] ?? '', base);
  // proxy_set_header is inherited only by a level that sets none itself.
  const setting = scopes.findLast((scope) => scope.some((directive) => directive.name === 'proxy_set_header')) ?? [];
  const headers: Record<string, string> = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]));
  for (const directive of setting) {
    if (directive.name !== 'proxy_set_header') continue;
    const [name = '', value = ''] = directive.args;
    const text = substitute(value, base);
    if (text === '') delete headers[name.toLowerCase()];
    else headers[name.toLowerCase()] = text;
  }
  if (!answersDns(around, inherited(scopes, 'resolver'))) {
    const host = new URL(substitute(of.to, base)).hostname;
    complaint(around, process, { message: `${host} could not be resolved (110: Operation timed out)`, request });
    return page(process, 502);
  }
  const target = substitute(of.to, base);
  const reply = around.network.request(
    { url: target, namespace: process.namespace, from: process.pod },
    { method: request.method, headers, body: request.body },
  );
  if (reply.is === 'answer') return reply.response;
  const host = target.replace(/^https?:\/\//, '').split(/[:/]/)[0];
  if (reply.message.includes('no such host')) {
    complaint(around, process, { message: `${host} could not be resolved (3: Host not found)`, request });
    return page(process, 502);
  }
  const late = /timeout|deadline/.test(reply.message);
  const message = late
    ? 'upstream timed out (110: Operation timed out) while connecting to upstream'
    : 'connect() failed (111: Connection refused) while connecting to upstream';
  complaint(around, process, { message, request, upstream: target });
  return page(process, late ? 504 : 502);
}
