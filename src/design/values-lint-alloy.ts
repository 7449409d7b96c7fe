/** Values for Alloy, and its pipeline, that lose logs. */
import { blocksNamed, literal, readAlloy } from './alloy-reading.ts';
import { masked } from './secrets.ts';
import type { Values } from './merge.ts';
import { valueAt, type Fault } from './values-fault.ts';

export function alloyFaults(values: Values): readonly Fault[] {
  const get = (path: string) => valueAt(values, path);
  const content = get('alloy.configMap.content');
  const text = typeof content === 'string' ? content : '';
  const faults: Fault[] = [];
  const extra = JSON.stringify(get('alloy.mounts.extra') ?? []);
  if (text.includes('/var/log') && get('alloy.mounts.varlog') !== true && !extra.includes('/var/log'))
    faults.push({
      code: 'ALLOY_NO_VARLOG',
      severity: 'fail',
      hop: 'alloy-read',
      message: 'The pipeline reads /var/log/pods, but alloy.mounts.varlog is not true: no file is found, and no error is reported',
      fix: 'alloy:\n  mounts:\n    varlog: true',
    });
  if (valueAt(values, 'alloy.securityContext.privileged') === true)
    faults.push({ code: 'ALLOY_PRIVILEGED', severity: 'warn', hop: 'alloy-read', message: 'alloy.securityContext.privileged is true' });
  const controller = get('controller.type') ?? 'daemonset';
  if (controller === 'daemonset' && get('controller.tolerations') === undefined)
    faults.push({
      code: 'COLLECTOR_EXCLUDED_FROM_NODES',
      severity: 'warn',
      hop: 'scheduling',
      message: 'controller.tolerations is not set: tainted nodes (usually GPU nodes) get no collector',
    });
  const followed = text.includes('loki.source.file');
  if (followed && controller !== 'daemonset')
    faults.push({
      code: 'COLLECTOR_NOT_DAEMONSET',
      severity: 'fail',
      hop: 'scheduling',
      message: `controller.type is ${String(controller)}, but the pipeline reads files of every node`,
    });
  const user = get('alloy.securityContext.runAsUser');
  if (followed && typeof user === 'number' && user !== 0)
    faults.push({
      code: 'ALLOY_PERMISSION',
      severity: 'fail',
      hop: 'alloy-read',
      message: `alloy.securityContext.runAsUser is ${user}, but log files belong to root`,
    });
  if (text.includes('discovery.kubernetes') && get('rbac.create') === false)
    faults.push({
      code: 'ALLOY_RBAC',
      severity: 'warn',
      hop: 'alloy-discovery',
      message: 'rbac.create is false: Alloy needs another ClusterRole to list pods',
    });
  if (/loki\.source\.(kubernetes|podlogs)\b/.test(text))
    faults.push({
      code: 'ALLOY_API_TAIL',
      severity: 'warn',
      hop: 'alloy-read',
      message: 'The pipeline reads logs through the API server, which loses log lines that arrive out of order',
    });
  const storage = get('alloy.storagePath');
  const kept = typeof storage === 'string' && extra.includes(storage);
  if (text.includes('loki.source.file') && !kept)
    faults.push({
      code: 'ALLOY_POSITIONS_LOST',
      severity: 'warn',
      hop: 'alloy-read',
      message: 'alloy.storagePath is not on a mounted volume: read positions are lost at every restart',
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
        message: 'No tenant is set: this only works if the gateway sets it or Loki has auth_enabled: false',
      });
    if (literal(inner.find(({ name }) => name === 'basic_auth')?.attributes['password']))
      faults.push({ code: 'ALLOY_SECRET_IN_CONFIG', severity: 'warn', hop: 'alloy-push', message: 'basic_auth.password is in plain text in the pipeline' });
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
      message: 'The pipeline has no stage.cri: log lines keep the CRI prefix',
    });
  return faults;
}
