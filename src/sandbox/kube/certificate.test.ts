import { X509Certificate } from 'node:crypto';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { makeCertificate } from './certificate.ts';

const made = makeCertificate({ names: ['ABC.gr7.us-east-1.eks.amazonaws.com', '10.100.0.1'], now: new Date() });
const [ca, server] = [new X509Certificate(made.ca), new X509Certificate(made.cert)];

test('the authority signs itself and the server', () => {
  expect([ca.ca, server.ca]).toEqual([true, false]);
  expect([ca.verify(ca.publicKey), server.verify(ca.publicKey), server.checkIssued(ca)]).toEqual([true, true, true]);
  expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
});

test('it holds for loopback and for the names that were asked', () => {
  expect([server.checkIP('127.0.0.1'), server.checkIP('10.100.0.1'), server.checkHost('localhost')]).toEqual(['127.0.0.1', '10.100.0.1', 'localhost']);
  expect(server.checkHost('abc.gr7.us-east-1.eks.amazonaws.com')).toBeDefined();
  expect([server.checkIP('10.0.0.1'), server.checkHost('example.com')]).toEqual([undefined, undefined]);
});

test('it is valid now and for years, with its own serial', () => {
  expect(Date.parse(server.validFrom)).toBeLessThan(Date.now());
  expect(Date.parse(server.validTo)).toBeGreaterThan(Date.now() + 5 * 365 * 86_400_000);
  expect(server.serialNumber).not.toBe(ca.serialNumber);
});

test('a client that trusts the authority connects, another does not', async () => {
  const listening = createServer({ cert: made.cert, key: made.key }, (_request, response) => response.end('hello'));
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as AddressInfo;
  const status = (trusted: string | undefined): Promise<unknown> =>
    new Promise((resolve) => {
      request({ host: '127.0.0.1', port, agent: false, ...(trusted && { ca: trusted }) }, (response) => resolve(response.statusCode))
        .on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
        .end();
    });
  expect([await status(made.ca), await status(undefined)]).toEqual([200, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE']);
  await new Promise((resolve) => listening.close(resolve));
});
