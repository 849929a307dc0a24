/**
 * The systemd unit that a cgroup is in, as systemd itself reads it (src/basic/cgroup-util.c, cg_path_get_unit and
 * cg_path_get_user_unit):
 *
 *   /user.slice/user-1000.slice/user@1000.service/app.slice/app-code.scope/worker
 *   └────────── slices ───────┘└─ unit of host ─┘└ slices ┘└─ user unit ─┘
 *
 * So a name that is no unit's, or a unit below a directory that is no slice, is none: whoever is given a part of the tree may call
 * directories as they like.
 */

/** A unit of the host's systemd. */
export interface RecognisedUnit {
  readonly kind: 'unit';
  /** As systemctl shows it, escapes and all: `nginx.service`, `user@1000.service`, `session-3.scope`, `machine.slice`. */
  readonly name: string;
  /** The unit of that user's own systemd, in `user@<uid>.service`. */
  readonly userUnit?: string;
  /** The unit's own cgroup: a prefix of the path. */
  readonly path: string;
}

/** unit-name.c, VALID_CHARS; 255 characters. The types are those that have processes. */
const UNIT = /^[0-9A-Za-z:_.\\@-]{1,247}\.(?:service|scope|socket|mount|swap)$/;
const SLICE = /^[0-9A-Za-z:_.\\-]{1,249}\.slice$/;
const USER_MANAGER = /^user@\d+\.service$/;

/** Follows the directories of one path from the root. */
export class UnitReader {
  #slice: RecognisedUnit | undefined;
  #unit: RecognisedUnit | undefined;
  #isUsers = false;
  #isOver = false;

  /**
   * @param directory the next one, as it is called
   * @param end where its name ends in the path
   */
  read(directory: string, path: string, end: number): void {
    if (this.#isOver) return;
    const name = unescapeDirectory(directory);
    if (isSlice(name)) {
      if (!this.#unit) this.#slice = { kind: 'unit', name, path: path.slice(0, end) };
    } else if (!isUnit(name)) this.#isOver = true;
    else if (this.#unit) {
      this.#unit = { ...this.#unit, userUnit: name };
      this.#isOver = true;
    } else {
      this.#unit = { kind: 'unit', name, path: path.slice(0, end) };
      this.#isUsers = USER_MANAGER.test(name);
      this.#isOver = !this.#isUsers;
    }
  }

  /** Without a service or scope, the innermost slice. */
  get found(): RecognisedUnit | undefined {
    return this.#unit ?? this.#slice;
  }
}

/** A unit whose name is that of a file of cgroupfs has an underscore before it, `_cpu.service` (cg_escape). */
function unescapeDirectory(directory: string): string {
  return directory.startsWith('_') ? directory.slice(1) : directory;
}

function isUnit(name: string): boolean {
  return UNIT.test(name);
}

function isSlice(name: string): boolean {
  return name !== '-.slice' && SLICE.test(name);
}
