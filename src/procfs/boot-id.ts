/** File in procfs with the UUID of this boot. */
export const BOOT_ID: string = 'sys/kernel/random/boot_id';
