/** What the contracts ask of the sandbox alone, and why the real API server can not be asked. */
export const DIFFERENCES = {
  faults: 'the fault injector is a part of the sandbox',
  proxy: 'a real API server dials the address of the pod, and no simulated pod has one that can be reached',
  exec: 'the sandbox answers exec by itself; behind a real API server it is a kubelet that refuses',
} as const;

/** Whether this run is on a real server, where that contract does not hold. */
export const DIFFERENT = (_what: keyof typeof DIFFERENCES): boolean => process.env['KUBE_CONTRACTS'] === 'real';
