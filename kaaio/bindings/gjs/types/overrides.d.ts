// SPDX-License-Identifier: LGPL-2.1-or-later
// What overrides/Kaa.js changes and adds, in the words of TypeScript. declare.py puts it in the place of what follows from
// the introspection data.

/** Bytes to be written; a string is sent as UTF-8. */
type Data = string | ArrayBuffer | ArrayBufferView | GLib.Bytes;

interface LineOptions {
    /** An encoding that TextDecoder knows; UTF-8 if none is given. */
    encoding?: string;
}

const IO_READ: IOCondition;
const IO_WRITE: IOCondition;
const IO_EXCEPT: IOCondition;

class InProgress<T = any> {
    static new<T = any>(source?: GObject.Object | null): InProgress<T>;
    /** Finished when all are, or when the first one fails. */
    static all(futures: InProgress[]): InProgress<boolean>;
    /** Finished with the index of the first one that is. */
    static any(futures: InProgress[]): InProgress<number>;
    /** As Promise.prototype.then(): a future can be awaited. */
    then<A = T, B = never>(resolve?: ((value: T) => A | PromiseLike<A>) | null,
                           reject?: ((error: GLib.Error) => B | PromiseLike<B>) | null): Promise<A | B>;
    catch<B = never>(reject?: ((error: GLib.Error) => B | PromiseLike<B>) | null): Promise<T | B>;
    finally(callback?: (() => void) | null): Promise<T>;
    /** What came of it; throws if it is not finished, or has failed. */
    get_result(): T;
    get_bytes(): Uint8Array;
    /** Waits in a main loop of its own; less than 0 seconds is for ever. */
    wait(seconds: number): T;
    wait_bytes(seconds: number): Uint8Array;
    /** Fails with TIMED_OUT when that takes longer. */
    timeout(seconds: number, abort: boolean): InProgress<T>;
    /** The same, but nobody can abort it through this one. */
    noabort(): InProgress<T>;
}

class IOMonitor {
    /** Makes a monitor that calls back when something can be done with a descriptor. */
    static new(callback: IOMonitorFunc): IOMonitor;
    static new(...args: never[]): any;
}

class IOChannel {
    /** Queues bytes; throws at once if the queue has no room for them. */
    write(data: Data): InProgress<number>;
    /** As write(), without a future. */
    send(data: Data): boolean;
    /** As readline(), with a delimiter of its own. */
    read_until(delimiter: Data): InProgress<Uint8Array>;
    /** A copy of what is in the read queue; it stays there until consume() takes it. */
    peek(): Uint8Array;
    /** Puts bytes back at the head of the read queue. */
    unread(data: Data): boolean;
    get_delimiter_bytes(): Uint8Array[];
    set_delimiter_bytes(delimiters: Data[]): boolean;
    close(flags?: CloseFlags): InProgress<boolean>;
    /** Lines as bytes, with their delimiter. */
    [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array>;
    /** Lines as strings, without their delimiter. */
    lines(options?: string | LineOptions): AsyncIterableIterator<string>;
    /** All the lines at hand, in an array. */
    batches(options?: string | LineOptions): AsyncIterableIterator<string[]>;
}

class Socket {
    listen(address: string, backlog?: number): boolean;
    /** Passes descriptors with the first of the bytes. */
    write_with_fds(data: Data, fds: number[]): InProgress<number>;
    /** The clients, until the socket does not listen any more. */
    clients(): AsyncIterableIterator<Socket>;
    /** Of a socket that listens, its clients; otherwise lines. */
    [Symbol.asyncIterator](): AsyncIterableIterator<any>;
    /** A client says whose certificate the other side must have, a server gives its own. */
    start_tls(identity?: string | Gio.SocketConnectable | null, certificate?: Gio.TlsCertificate | null): InProgress<boolean>;
    /** The same, where the beginning of TLS was read already: taken, and then what was not taken. */
    start_tls_buffered(identity?: string | Gio.SocketConnectable | null, certificate?: Gio.TlsCertificate | null,
        taken?: Data | null): InProgress<boolean>;
}

class Process {
    /** Says data, closes the input, listens to everything; finished with the output when the child has ended. */
    communicate(input?: Data | null): InProgress<Uint8Array>;
    /** What the child said itself, or minus the signal that ended it; null before its end, and where the system has lost it. */
    get_exit_status(): number | null;
    get exit_status(): number | null;
    get exitStatus(): number | null;
    /** What came by stderr_channel during communicate(); null before its end. */
    get_stderr_data(): Uint8Array | null;
    get stderr_data(): Uint8Array | null;
    get stderrData(): Uint8Array | null;
}
