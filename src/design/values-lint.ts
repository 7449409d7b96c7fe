/** Values files judged without a cluster: keys the chart ignores, wrong types, and combinations that lose logs. */
import type { DoctorCode } from '../problems/catalogue.ts';
import { blocksNamed, literal, readAlloy } from './alloy-reading.ts';
import { chartOf, recordedVersion, unknownKeys, wrongTypes } from './keys.ts';
import { masked } from './masking.ts';
import { isMap, type Values } from './merge.ts';

export interface LintFile {
  readonly file: string;
  readonly values: Values;
}

export interface Fault {
  readonly code: DoctorCode;
  readonly severity: 'fail' | 'warn';
  readonly hop: string;
  readonly message: string;
  readonly fix?: string;
  readonly evidence?: readonly string[];
}

type Chart = 'loki' | 'alloy';

export function lintValues({ file, values }: LintFile, said?: Chart): { readonly chart?: Chart; readonly faults: readonly Fault[] } {
  const chart = said ?? chartOf(values);
  if (!chart) {
    const evidence = [`${file}: ${Object.keys(values).join(', ') || 'no keys'}`];
    return { faults: [{ code: 'VALUES_CHART_UNKNOWN', severity: 'fail', hop: '', message: `It can't be told for which chart ${file} is`, evidence }] };
  }
  const faults = [...keyFaults({ file, values }, chart), ...(chart === 'loki' ? lokiFaults(values) : alloyFaults(values))];
  // What loses everything is told first.
  const ordered = [...faults.filter(({ severity }) => severity === 'fail'), ...faults.filter(({ severity }) => severity === 'warn')];
  return { chart, faults: ordered.map((fault) => ({ ...fault, evidence: [...(fault.evidence ?? []), ...(fault.code.startsWith('VALUES_') ? [] : [file])] })) };
}

function keyFaults({ file, values }: LintFile, chart: Chart): readonly Fault[] {
  const version = recordedVersion(chart);
  const unknown = unknownKeys(values, { name: chart, version }).map(({ path, nearest }): Fault => ({
    code: 'VALUES_UNKNOWN_KEY',
    severity: 'fail',
    hop: '',
    message: `${file}: the chart ignores "${path}"`,
    ...(nearest && { fix: `did you mean "${nearest}"?` }),
    evidence: [`${chart} ${version} has no key ${path}`],
  }));
  const types = wrongTypes(values, chart).map(({ path, wanted, given }): Fault => ({
    code: 'VALUES_TYPE_WRONG',
    severity: 'fail',
    hop: '',
    message: `${file}: ${path} is ${given}, but the chart wants a ${wanted}`,
  }));
  return [...unknown, ...types];
}

const at = (values: Values, path: string): unknown => path.split('.').reduce<unknown>((value, key) => (isMap(value) ? value[key] : undefined), values);

function lokiFaults(values: Values): readonly Fault[] {
  const get = (path: string) => at(values, path);
  const faults: Fault[] = [];
  const distributed = get('deploymentMode') === 'Distributed';
  const type = get('gateway.service.type');
  if (type === 'LoadBalancer' || type === 'NodePort') {
    const ranges = get('gateway.service.loadBalancerSourceRanges') !== undefined;
    const annotated = isMap(get('gateway.service.annotations')) && JSON.stringify(get('gateway.service.annotations')).includes('load-balancer-source-ranges');
    if (!annotated)
      faults.push({
        code: 'GATEWAY_OPEN',
        severity: 'fail',
        hop: 'gateway',
        message: `gateway.service.type is ${type}${ranges ? ', and loadBalancerSourceRanges is ignored' : ''}: the gateway is open to the world`,
      });
  }
  if (get('loki.storage_config.aws.bucketnames') && get('loki.storage.bucketNames.chunks'))
    faults.push({
      code: 'VALUES_SHADOWED',
      severity: 'warn',
      hop: 's3',
      message: 'loki.storage.bucketNames.chunks has no effect beside loki.storage_config.aws.bucketnames',
      fix: 'drop loki.storage_config.aws',
    });
  const named = get('loki.storage.bucketNames');
  // Without any, the buckets are named in another file or by --set; a file that names one should name both.
  const wanted = isMap(named) || (get('loki.storage.type') === 's3' && get('loki.schemaConfig') !== undefined);
  for (const use of ['chunks', 'ruler']) {
    const name = get(`loki.storage.bucketNames.${use}`);
    if (name === undefined && wanted)
      faults.push({
        code: 'LOKI_BUCKET_UNNAMED',
        severity: 'fail',
        hop: 's3',
        message: `loki.storage.bucketNames.${use} is not set: the chart renders nothing without it`,
        fix: `set loki.storage.bucketNames.${use} to the name of a bucket`,
      });
    if (name === '')
      faults.push({
        code: 'LOKI_BUCKET_UNNAMED',
        severity: 'fail',
        hop: 's3',
        message: `loki.storage.bucketNames.${use} is empty`,
        fix: 'write the name of the bucket; a variable was probably empty',
      });
  }
  if (get('loki.pattern_ingester.enabled') === true && distributed && !(Number(get('patternIngester.replicas') ?? 0) > 0))
    faults.push({
      code: 'LOKI_PATTERNS_UNSERVED',
      severity: 'warn',
      hop: 'loki-runtime',
      message: 'loki.pattern_ingester.enabled is true, but patternIngester.replicas is 0',
    });
  if (distributed && get('ingester.persistence.enabled') !== true)
    faults.push({
      code: 'LOKI_WAL_EPHEMERAL',
      severity: 'warn',
      hop: 'loki-runtime',
      message: 'ingester.persistence is off: what is not yet in S3 goes with the pod',
    });
  if (get('loki.limits_config.retention_period') !== undefined && get('loki.compactor.retention_enabled') !== true)
    faults.push({
      code: 'LOKI_RETENTION_OFF',
      severity: 'warn',
      hop: 'loki-config',
      message: 'loki.limits_config.retention_period is set, but loki.compactor.retention_enabled is not true',
    });
  const periods = get('loki.schemaConfig.configs');
  const last = Array.isArray(periods) ? (periods.at(-1) as Values | undefined) : undefined;
  if (last && (last['store'] !== 'tsdb' || Number(String(last['schema']).slice(1)) < 13))
    faults.push({
      code: 'LOKI_SCHEMA_OLD',
      severity: 'warn',
      hop: 'loki-config',
      message: `The newest period of loki.schemaConfig is ${String(last['store'])} ${String(last['schema'])}`,
    });
  if (get('chunksCache.enabled') !== false && get('chunksCache.allocatedMemory') === undefined)
    faults.push({ code: 'LOKI_CACHE_LARGE', severity: 'warn', hop: 'scheduling', message: 'chunksCache.allocatedMemory is not set: its pod asks for 9.6 GiB' });
  const basic = get('gateway.basicAuth.enabled') === true;
  if (basic && !['existingSecret', 'htpasswd', 'username'].some((key) => get(`gateway.basicAuth.${key}`)) && !get('loki.tenants'))
    faults.push({
      code: 'GATEWAY_SECRET_MISSING',
      severity: 'fail',
      hop: 'gateway',
      message: 'gateway.basicAuth is on, but no login is given',
      fix: 'gateway.basicAuth.existingSecret: NAME',
    });
  return faults;
}

function alloyFaults(values: Values): readonly Fault[] {
  const get = (path: string) => at(values, path);
  const content = get('alloy.configMap.content');
  const text = typeof content === 'string' ? content : '';
  const faults: Fault[] = [];
  const extra = JSON.stringify(get('alloy.mounts.extra') ?? []);
  if (text.includes('/var/log') && get('alloy.mounts.varlog') !== true && !extra.includes('/var/log'))
    faults.push({
      code: 'ALLOY_NO_VARLOG',
      severity: 'fail',
      hop: 'alloy-read',
      message: 'The pipeline reads /var/log/pods, but alloy.mounts.varlog is not true: no file will be found, and nothing will complain',
      fix: 'alloy:\n  mounts:\n    varlog: true',
    });
  if (at(values, 'alloy.securityContext.privileged') === true)
    faults.push({ code: 'ALLOY_PRIVILEGED', severity: 'warn', hop: 'alloy-read', message: 'alloy.securityContext.privileged is true' });
  const controller = get('controller.type') ?? 'daemonset';
  if (controller === 'daemonset' && get('controller.tolerations') === undefined)
    faults.push({
      code: 'COLLECTOR_BARRED',
      severity: 'warn',
      hop: 'scheduling',
      message: 'controller.tolerations is not set: tainted nodes (GPU nodes mostly are) get no collector',
    });
  const storage = get('alloy.storagePath');
  const kept = typeof storage === 'string' && extra.includes(storage);
  if (text.includes('loki.source.file') && !kept)
    faults.push({
      code: 'ALLOY_POSITIONS_LOST',
      severity: 'warn',
      hop: 'alloy-read',
      message: 'alloy.storagePath is in no mount: positions are forgotten at each restart',
    });
  return [...faults, ...pipelineFaults(text)];
}

function pipelineFaults(text: string): readonly Fault[] {
  if (text === '') return [];
  const blocks = readAlloy(text);
  const faults: Fault[] = [];
  const endpoints = blocksNamed(blocks, 'loki.write').flatMap((block) => block.blocks.filter(({ name }) => name === 'endpoint'));
  if (endpoints.length === 0 && blocksNamed(blocks, /^loki\.source\./).length > 0)
    faults.push({ code: 'ALLOY_NO_WRITE', severity: 'fail', hop: 'alloy-push', message: 'The pipeline has no loki.write with an endpoint' });
  for (const { attributes, line, blocks: inner } of endpoints) {
    const url = literal(attributes['url']);
    if (url !== undefined && (!/^https?:\/\/[^/]+\/(?!\/)/.test(url) || !/[^/]\/loki\/api\/v1\/push$/.test(url)))
      faults.push({
        code: 'ALLOY_PUSH_URL',
        severity: 'fail',
        hop: 'alloy-push',
        message: `url = "${masked(url)}" (line ${line} of the pipeline) is not http://HOST/loki/api/v1/push`,
      });
    if (!attributes['tenant_id'] && !/x-scope-orgid/i.test(attributes['headers'] ?? '') && blocksNamed(blocks, 'stage.tenant').length === 0)
      faults.push({
        code: 'WRITER_TENANT_MISSING',
        severity: 'warn',
        hop: 'tenant-write',
        message: 'No tenant is named: that is right only if the gateway sets it or Loki has auth_enabled: false',
      });
    if (literal(inner.find(({ name }) => name === 'basic_auth')?.attributes['password']))
      faults.push({ code: 'ALLOY_SECRET_IN_CONFIG', severity: 'warn', hop: 'alloy-push', message: 'basic_auth.password is written into the pipeline' });
  }
  const rules = blocksNamed(blocks, 'rule');
  const slashed = rules.find(({ attributes }) => /\$\{?2/.test(attributes['replacement'] ?? '') && attributes['regex'] === undefined);
  if (slashed)
    faults.push({
      code: 'ALLOY_JOB_LABEL',
      severity: 'warn',
      hop: 'alloy-discovery',
      message: `replacement = ${slashed.attributes['replacement']} (line ${slashed.line} of the pipeline) has no second group: label ${literal(slashed.attributes['target_label'])} ends with a slash`,
    });
  if (blocksNamed(blocks, 'loki.source.file').length > 0 && blocksNamed(blocks, /^stage\.(cri|docker)$/).length === 0)
    faults.push({
      code: 'ALLOY_NO_CRI',
      severity: 'warn',
      hop: 'alloy-read',
      message: 'The pipeline has no stage.cri: lines keep the prefix of the container runtime',
    });
  return faults;
}
