/** A way to the gateway from outside the cluster exists only when it was asked for, and only for whom it was asked. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { codesOf, quick, takeAway } from './story.ts';

const CERTIFICATE = 'arn:aws:acm:ap-northeast-2:111122223333:certificate/0a1b2c3d-0000-4000-8000-000000000000';

interface Service extends KubeObject {
  readonly spec: {
    readonly type: string;
    readonly loadBalancerClass?: string;
    readonly loadBalancerSourceRanges?: readonly string[];
    readonly ports: readonly { readonly port: number; readonly targetPort: number }[];
    readonly selector: Readonly<Record<string, string>>;
  };
}

describe('exposure', () => {
  let terminal: Terminal;
  let pristine: string;
  beforeAll(async () => {
    terminal = await openTerminal(quick);
    pristine = terminal.snapshot();
  });
  afterAll(() => terminal.close());

  const exposed = () =>
    terminal.sandbox.world.store.list('Service').filter(({ spec }) => (spec as Service['spec']).type === 'LoadBalancer') as unknown as readonly Service[];

  it('public needs a certificate and ranges, and never the whole internet', async () => {
    const refused = async (...words: string[]) => {
      const ran = await terminal.cli(['install', '--yes', '--expose', 'public', ...words, '--output', 'json']);
      expect(ran.exit).toBe(2);
      return codesOf(ran);
    };
    expect(await refused()).toEqual(['SETTING_CONFLICT', 'SETTING_CONFLICT']);
    expect(await refused('--allow-cidr', '203.0.113.0/24')).toEqual(['SETTING_CONFLICT']);
    expect(await refused('--certificate', CERTIFICATE)).toEqual(['SETTING_CONFLICT']);
    expect(await refused('--certificate', CERTIFICATE, '--allow-cidr', '0.0.0.0/0')).toEqual(['SETTING_CONFLICT']);
    expect(terminal.snapshot()).toBe(pristine);
  });

  it('internal: one more Service, for the named ranges only, that reaches the gateway', async () => {
    const ran = await terminal.cli(['install', '--yes', '--expose', 'internal', '--allow-cidr', '10.0.0.0/8', '--allow-cidr', '192.168.0.0/16']);
    expect(ran.exit, ran.stderr).toBe(0);
    const [service, ...others] = exposed();
    expect(others).toEqual([]);
    expect(service?.metadata).toMatchObject({
      namespace: 'loki',
      name: 'loki-gateway-exposed',
      annotations: { 'service.beta.kubernetes.io/aws-load-balancer-scheme': 'internal' },
    });
    expect(service?.spec).toMatchObject({
      loadBalancerClass: 'service.k8s.aws/nlb',
      loadBalancerSourceRanges: ['10.0.0.0/8', '192.168.0.0/16'],
      ports: [{ port: 80, targetPort: 8080 }],
    });
    const pods = terminal.sandbox.world.store.list('Pod', {
      namespace: 'loki',
      selector: Object.entries(service?.spec.selector ?? {})
        .map((pair) => pair.join('='))
        .join(','),
    });
    expect(pods.length).toBeGreaterThan(0);
    for (const { metadata } of pods) expect(metadata.name).toContain('loki-gateway-');
    expect(terminal.sandbox.world.store.get('Service', 'loki', 'loki-gateway')?.['spec']).toMatchObject({ type: 'ClusterIP' });
  });

  it('public: TLS on 443 only, with the certificate', async () => {
    const ran = await terminal.cli(['install', '--yes', '--expose', 'public', '--allow-cidr', '203.0.113.0/24', '--certificate', CERTIFICATE, '--no-verify']);
    expect(ran.exit, ran.stderr).toBe(0);
    const [service] = exposed();
    expect(service?.metadata.annotations).toMatchObject({
      'service.beta.kubernetes.io/aws-load-balancer-scheme': 'internet-facing',
      'service.beta.kubernetes.io/aws-load-balancer-ssl-cert': CERTIFICATE,
      'service.beta.kubernetes.io/aws-load-balancer-ssl-ports': '443',
    });
    expect(service?.spec).toMatchObject({ loadBalancerSourceRanges: ['203.0.113.0/24'], ports: [{ port: 443, targetPort: 8080 }] });
  });

  it('none again: the Service is gone, and the installation is as without it', async () => {
    const ran = await terminal.cli(['install', '--yes', '--no-verify']);
    expect(ran.exit, ran.stderr).toBe(0);
    expect(exposed()).toEqual([]);
    await takeAway(terminal);
    expect(terminal.snapshot()).toBe(pristine);
  });
});
