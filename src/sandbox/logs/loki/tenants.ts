/** Tenant names that Loki accepts. */

/** Loki's error for an invalid name; `undefined` when it is valid. */
export function tenantProblem(tenant: string): string | undefined {
  const names = tenant.split('|');
  for (const name of names) {
    const wrong = /[^A-Za-z0-9!\-_.*'()]/.exec(name)?.[0];
    if (wrong !== undefined) return `tenant ID '${name}' contains unsupported character '${wrong}'`;
    if (name.length > 150) return 'tenant ID is too long: max 150 characters';
    if (name === '.' || name === '..') return "tenant ID is '.' or '..'";
  }
  return names.length > 1 ? 'multiple org IDs present' : undefined;
}
