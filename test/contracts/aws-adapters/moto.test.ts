/** The adapters against moto, an independent imitation of AWS. Needs Python, so `npm run test:moto` runs it. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { awsContract, type Endpoint } from './contract.ts';

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

async function startMoto(): Promise<Endpoint> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const moto = spawn('python3', ['-m', 'moto.server', '-p', String(port)], { stdio: 'ignore' });
  for (let left = 100; ; left--) {
    const up = await fetch(`${url}/moto-api/data.json`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (up) break;
    if (left === 0) throw new Error('moto did not start');
    await sleep(200);
  }
  const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'secret' };
  const { EKS } = await import('@aws-sdk/client-eks');
  const eks = new EKS({ endpoint: url, region: 'ap-northeast-2', credentials });
  await eks.createCluster({ name: 'demo', roleArn: 'arn:aws:iam::123456789012:role/eks', resourcesVpcConfig: { subnetIds: [] } });
  return {
    url,
    account: '123456789012',
    region: 'ap-northeast-2',
    ...credentials,
    cluster: 'demo',
    stop: async () => void moto.kill(),
  };
}

awsContract('moto', startMoto, {
  ignoresExpectedOwner: true,
  noPodIdentity: true,
  noAudiences: true,
  trustsEveryToken: true,
  noSimulator: true,
  forgetsNewTags: true,
});
