/** Quantities: Kubernetes quantities as numbers, and bytes for humans. */

/** A CPU quantity in cores: `250m` is 0.25. */
export function cores(quantity: string | number | undefined): number {
  const text = String(quantity ?? 0);
  return text.endsWith('m') ? Number(text.slice(0, -1)) / 1000 : Number(text);
}

const UNITS: Readonly<Record<string, number>> = { k: 1e3, M: 1e6, G: 1e9, T: 1e12, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/** A memory quantity in bytes: `512Mi` is 536870912. */
export function bytes(quantity: string | number | undefined): number {
  const [, number = '0', unit = ''] = /^([\d.]+)([kMGT]|[KMGT]i)?$/.exec(String(quantity ?? 0)) ?? [];
  return Number(number) * (UNITS[unit] ?? 1);
}

/** Bytes for humans: `1.2 GiB`. */
export function sizeOf(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}
