/** The attributes and blocks of each Alloy component: Alloy refuses to load any others. */
import { AlloySyntaxError } from './lexer.ts';
import type { Attribute, Block, Statement } from './parser.ts';
import { RELABEL_ACTIONS } from './relabel.ts';

export interface Shape {
  /** Attribute name to its type; a leading `!` marks a required one. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly blocks?: Readonly<Record<string, Shape>>;
  readonly label?: 'required' | 'none';
}

const TLS: Shape = {
  attributes: {
    ca_pem: 'string',
    ca_file: 'string',
    cert_pem: 'string',
    cert_file: 'string',
    key_pem: 'string',
    key_file: 'string',
    server_name: 'string',
    insecure_skip_verify: 'bool',
    min_version: 'string',
  },
};
const CLIENT: Shape = {
  attributes: {
    api_server: 'string',
    kubeconfig_file: 'string',
    bearer_token: 'string',
    bearer_token_file: 'string',
    proxy_url: 'string',
    follow_redirects: 'bool',
    enable_http2: 'bool',
  },
  blocks: { tls_config: TLS, basic_auth: { attributes: { username: 'string', password: 'string', password_file: 'string' } } },
};
const RULE: Shape = {
  attributes: {
    source_labels: 'array',
    separator: 'string',
    regex: 'string',
    modulus: 'number',
    target_label: 'string',
    replacement: 'string',
    action: 'string',
  },
};
const STAGES: Readonly<Record<string, Shape>> = {
  'stage.cri': { attributes: { max_partial_lines: 'number', max_partial_line_size: 'number', max_partial_line_size_truncate: 'bool' } },
  'stage.docker': { attributes: {} },
  'stage.static_labels': { attributes: { '!values': 'object' } },
  'stage.label_drop': { attributes: { '!values': 'array' } },
  'stage.label_keep': { attributes: { '!values': 'array' } },
  'stage.labels': { attributes: { '!values': 'object' } },
  'stage.structured_metadata': { attributes: { values: 'object', regex: 'string' } },
  'stage.tenant': { attributes: { label: 'string', source: 'string', value: 'string' } },
  'stage.drop': {
    attributes: {
      source: 'string',
      separator: 'string',
      expression: 'string',
      value: 'string',
      older_than: 'string',
      longer_than: 'string',
      drop_counter_reason: 'string',
    },
  },
  'stage.json': { attributes: { '!expressions': 'object', source: 'string', drop_malformed: 'bool' } },
  'stage.logfmt': { attributes: { '!mapping': 'object', source: 'string' } },
  'stage.regex': { attributes: { '!expression': 'string', source: 'string' } },
  'stage.replace': { attributes: { '!expression': 'string', source: 'string', replace: 'string' } },
  'stage.timestamp': { attributes: { '!source': 'string', '!format': 'string', fallback_formats: 'array', location: 'string', action_on_failure: 'string' } },
  'stage.output': { attributes: { '!source': 'string' } },
  'stage.multiline': { attributes: { '!firstline': 'string', max_wait_time: 'string', max_lines: 'number', trim_newlines: 'bool' } },
  'stage.limit': { attributes: { '!rate': 'number', '!burst': 'number', drop: 'bool', by_label_name: 'string', max_distinct_labels: 'number' } },
  'stage.decolorize': { attributes: {} },
};
const MATCH: Shape = { attributes: { '!selector': 'string', pipeline_name: 'string', action: 'string', drop_counter_reason: 'string' }, blocks: STAGES };
const PIPELINE: Readonly<Record<string, Shape>> = { ...STAGES, 'stage.match': MATCH };
const ENDPOINT: Shape = {
  attributes: {
    '!url': 'string',
    name: 'string',
    tenant_id: 'string',
    headers: 'object',
    batch_size: 'string',
    batch_wait: 'string',
    remote_timeout: 'string',
    min_backoff_period: 'string',
    max_backoff_period: 'string',
    max_backoff_retries: 'number',
    retry_on_http_429: 'bool',
    bearer_token: 'string',
    bearer_token_file: 'string',
    proxy_url: 'string',
    follow_redirects: 'bool',
    enable_http2: 'bool',
  },
  blocks: {
    basic_auth: { attributes: { username: 'string', password: 'string', password_file: 'string' } },
    tls_config: TLS,
    queue_config: { attributes: { capacity: 'string', drain_timeout: 'string', min_shards: 'number', block_on_overflow: 'bool' } },
  },
};

/** The components and configuration blocks the sandbox simulates; the real Alloy has more. */
export const COMPONENTS: Readonly<Record<string, Shape>> = {
  logging: { label: 'none', attributes: { level: 'string', format: 'string', write_to: 'array' } },
  livedebugging: { label: 'none', attributes: { enabled: 'bool' } },
  'discovery.kubernetes': {
    attributes: { '!role': 'string', ...CLIENT.attributes },
    blocks: {
      ...CLIENT.blocks,
      namespaces: { attributes: { names: 'array', own_namespace: 'bool' } },
      selectors: { attributes: { '!role': 'string', field: 'string', label: 'string' } },
      attach_metadata: { attributes: { node: 'bool', namespace: 'bool' } },
    },
  },
  'discovery.relabel': { attributes: { '!targets': 'array' }, blocks: { rule: RULE } },
  'local.file_match': { attributes: { '!path_targets': 'array', sync_period: 'string', ignore_older_than: 'string' } },
  'local.file': { attributes: { '!filename': 'string', detector: 'string', poll_frequency: 'string', is_secret: 'bool' } },
  'loki.source.file': {
    attributes: {
      '!targets': 'array',
      '!forward_to': 'array',
      encoding: 'string',
      tail_from_end: 'bool',
      legacy_positions_file: 'string',
      on_positions_file_error: 'string',
    },
    blocks: {
      decompression: { attributes: { '!enabled': 'bool', '!format': 'string', initial_delay: 'string' } },
      file_watch: { attributes: { min_poll_frequency: 'string', max_poll_frequency: 'string' } },
      file_match: { attributes: { enabled: 'bool', sync_period: 'string', ignore_older_than: 'string' } },
    },
  },
  'loki.source.kubernetes': {
    attributes: { '!targets': 'array', '!forward_to': 'array' },
    blocks: { client: CLIENT, clustering: { attributes: { '!enabled': 'bool' } } },
  },
  'loki.process': { attributes: { '!forward_to': 'array' }, blocks: PIPELINE },
  'loki.relabel': { attributes: { '!forward_to': 'array', max_cache_size: 'number' }, blocks: { rule: RULE } },
  'loki.write': {
    attributes: { external_labels: 'object', max_streams: 'number' },
    blocks: {
      endpoint: ENDPOINT,
      wal: { attributes: { enabled: 'bool', max_segment_age: 'string', min_read_frequency: 'string', max_read_frequency: 'string', drain_timeout: 'string' } },
    },
  },
};

/** The id by which other components refer to it. */
export function idOf(block: Block): string {
  return block.label === undefined ? block.name : `${block.name}.${block.label}`;
}

/** Every block of a file must have a known name, a label, and only known contents. Throws AlloySyntaxError. */
export function checkFile(statements: readonly Statement[]): readonly Block[] {
  const seen = new Set<string>();
  return statements.map((statement) => {
    if (statement.is === 'attribute') throw new AlloySyntaxError(statement.at, `unrecognized attribute name "${statement.name}"`);
    const shape = Object.hasOwn(COMPONENTS, statement.name) ? COMPONENTS[statement.name] : undefined;
    if (shape === undefined) throw new AlloySyntaxError(statement.at, `cannot find the definition of component name "${statement.name}"`);
    if (shape.label !== 'none' && statement.label === undefined) throw new AlloySyntaxError(statement.at, `component "${statement.name}" must have a label`);
    if (seen.has(idOf(statement))) throw new AlloySyntaxError(statement.at, `block ${idOf(statement)} already declared`);
    seen.add(idOf(statement));
    checkBody(statement, shape);
    return statement;
  });
}

function checkBody(block: Block, shape: Shape): void {
  const given = new Set<string>();
  for (const statement of block.body) {
    if (statement.is === 'block') {
      const inner = Object.hasOwn(shape.blocks ?? {}, statement.name) ? shape.blocks?.[statement.name] : undefined;
      if (inner === undefined) throw new AlloySyntaxError(statement.at, `unrecognized block name "${statement.name}"`);
      checkBody(statement, inner);
      continue;
    }
    if (shape.attributes[statement.name] === undefined && shape.attributes[`!${statement.name}`] === undefined)
      throw new AlloySyntaxError(statement.at, `unrecognized attribute name "${statement.name}"`);
    if (given.has(statement.name)) throw new AlloySyntaxError(statement.at, `attribute "${statement.name}" may only be provided once`);
    given.add(statement.name);
    if (shape === RULE) checkAction(statement);
  }
  for (const name of Object.keys(shape.attributes)) {
    if (name.startsWith('!') && !given.has(name.slice(1))) throw new AlloySyntaxError(block.at, `missing required attribute "${name.slice(1)}"`);
  }
}

function checkAction(attribute: Attribute): void {
  if (attribute.name !== 'action' || attribute.value.is !== 'literal') return;
  const action = String(attribute.value.value);
  if (!(RELABEL_ACTIONS as readonly string[]).includes(action)) throw new AlloySyntaxError(attribute.value.at, `unrecognized relabel action "${action}"`);
}

/** The type an attribute of this shape must have. */
export function typeOf(shape: Shape, name: string): string {
  return shape.attributes[name] ?? shape.attributes[`!${name}`] ?? '';
}
