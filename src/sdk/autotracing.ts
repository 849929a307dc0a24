/** Whom an autotracer watches. */
import type { Container } from './container.ts';

/** A container; or the host, or a part of it, by name: `host`, `sda`. */
export type Subject = Container | string;
