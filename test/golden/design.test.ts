/** The documents a platform engineer would review, whole: a change to any of them must be seen and wanted. */
import { stringify } from 'yaml';
import { describe, expect, it } from 'vitest';
import { design } from '../../src/design/design.ts';
import { someFacts, someSettings, threeNodes } from '../support/facts.ts';
import { templates } from '../support/templates.ts';

const blueprint = design(someSettings({ alertmanagerUrl: 'http://alertmanager.monitoring:9093', retentionDays: 28 }), someFacts(), { templates });
const yaml = (document: unknown) => stringify(document, { lineWidth: 0, aliasDuplicateObjects: false });

describe('golden', () => {
  it('Loki values', () => expect(yaml(blueprint.loki.values)).toMatchFileSnapshot('loki-values.yaml'));
  it('Alloy values', () => expect(yaml(blueprint.alloy.values)).toMatchFileSnapshot('alloy-values.yaml'));
  it('Alloy pipeline', () => expect((blueprint.alloy.values as any).alloy.configMap.content).toMatchFileSnapshot('config.alloy'));
  it('role', () => expect(yaml(blueprint.role)).toMatchFileSnapshot('role.yaml'));
  it('buckets', () => expect(yaml(blueprint.buckets)).toMatchFileSnapshot('buckets.yaml'));
  it('data source', () => expect(blueprint.datasource).toMatchFileSnapshot('datasource.yaml'));
  it('what has no document of its own', () => {
    const above = new Set(['loki', 'alloy', 'role', 'buckets', 'datasource', 'dashboard']);
    const rest = Object.fromEntries(Object.entries(blueprint).filter(([key]) => !above.has(key)));
    return expect(yaml(rest)).toMatchFileSnapshot('blueprint.yaml');
  });

  it('Loki values: public, own key, two nodes, Pod Identity, monitoring', () => {
    const other = design(
      someSettings({
        identity: 'pod-identity',
        expose: 'public',
        allowCidr: ['203.0.113.0/24'],
        certificate: 'arn:aws:acm:ap-northeast-2:111122223333:certificate/00000000-0000-0000-0000-000000000000',
        kmsKey: 'arn:aws:kms:ap-northeast-2:111122223333:key/11111111-2222-3333-4444-555555555555',
      }),
      someFacts({ nodes: threeNodes.slice(0, 2), serviceMonitors: true, storageClasses: [] }),
      { templates },
    );
    return Promise.all([
      expect(yaml(other.loki.values)).toMatchFileSnapshot('other-loki-values.yaml'),
      expect(yaml({ role: other.role, buckets: other.buckets, storageClass: other.storageClass, notes: other.notes })).toMatchFileSnapshot(
        'other-documents.yaml',
      ),
    ]);
  });
});
