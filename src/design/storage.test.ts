import { describe, expect, it } from 'vitest';
import { aCluster, aNode, someFacts } from '../../test/support/facts.ts';
import type { Facts, StorageClassFact } from './facts.ts';
import { ownership } from './ownership.ts';
import { chooseStorageClass } from './storage.ts';

const own = ownership('arn:aws:eks:eu-west-1:111122223333:cluster/c', 'loki');
const choose = (over: Partial<Facts>, wanted?: string) => chooseStorageClass(someFacts(over), { wanted, ownership: own });
const aClass = (name: string, over: Partial<StorageClassFact> = {}): StorageClassFact => ({
  name,
  provisioner: 'ebs.csi.aws.com',
  isDefault: false,
  bindingMode: 'WaitForFirstConsumer',
  expandable: true,
  ...over,
});

describe('chooseStorageClass', () => {
  it.each<[string, Partial<Facts>, string | undefined, string, boolean]>([
    ['the one asked for', {}, 'gp2', 'gp2', false],
    ['the default', {}, undefined, 'gp3', false],
    ['the one in use, though the default is another', { installedStorageClass: 'gp2' }, undefined, 'gp2', false],
    [
      'our own once it is there, though a default came later',
      { storageClasses: [aClass('new', { isDefault: true }), aClass('loki-eks-gp3')] },
      undefined,
      'loki-eks-gp3',
      true,
    ],
    ['the only EBS one', { storageClasses: [aClass('only'), aClass('efs', { provisioner: 'efs.csi.aws.com' })] }, undefined, 'only', false],
    ['our own among several without a default', { storageClasses: [aClass('a'), aClass('b')] }, undefined, 'loki-eks-gp3', true],
    ['our own where there is none', { storageClasses: [] }, undefined, 'loki-eks-gp3', true],
    [
      'not a default that is a shared file system',
      { storageClasses: [aClass('efs', { provisioner: 'efs.csi.aws.com', isDefault: true }), aClass('only')] },
      undefined,
      'only',
      false,
    ],
    [
      'not gp2 without the driver that makes its volumes',
      { storageClasses: [aClass('gp2', { provisioner: 'kubernetes.io/aws-ebs', isDefault: true })], csiDrivers: [] },
      undefined,
      'loki-eks-gp3',
      true,
    ],
    ['a default of another driver', { storageClasses: [aClass('fast', { provisioner: 'csi.example.com', isDefault: true })] }, undefined, 'fast', false],
    ['the first by name of several defaults', { storageClasses: [aClass('z', { isDefault: true }), aClass('a', { isDefault: true })] }, undefined, 'a', false],
  ])('%s', (_, over, wanted, name, made) => {
    const chosen = choose(over, wanted);
    expect(chosen.name).toBe(name);
    expect(chosen.object !== undefined).toBe(made);
  });

  it('names the classes there are when the one asked for is not', () => {
    expect(() => choose({}, 'gp4')).toThrow(
      expect.objectContaining({ problem: expect.objectContaining({ code: 'STORAGE_CLASS_UNKNOWN', fix: 'Use one of gp2, gp3, or remove storageClass' }) }),
    );
  });

  it('our own is encrypted, waits for the pod, and is of the driver that is there', () => {
    const { object } = choose({ storageClasses: [] });
    expect(object).toMatchObject({
      provisioner: 'ebs.csi.aws.com',
      parameters: { type: 'gp3', encrypted: 'true' },
      volumeBindingMode: 'WaitForFirstConsumer',
      metadata: { labels: own.labels },
    });
    const auto = { storageClasses: [], csiDrivers: [], cluster: aCluster({ autoMode: true }) };
    expect(choose({ ...auto, nodes: [] }).object).toMatchObject({ provisioner: 'ebs.csi.eks.amazonaws.com' });
    expect(choose({ ...auto, nodes: [] }).object).not.toHaveProperty('allowedTopologies');
    expect(choose({ ...auto, nodes: [aNode('a'), aNode('b', { kind: 'auto' })] }).object).toMatchObject({
      provisioner: 'ebs.csi.eks.amazonaws.com',
      allowedTopologies: expect.anything(),
    });
    expect(choose({ ...auto, csiDrivers: ['ebs.csi.aws.com'], nodes: [aNode('a')] }).object).toMatchObject({ provisioner: 'ebs.csi.aws.com' });
  });
});
