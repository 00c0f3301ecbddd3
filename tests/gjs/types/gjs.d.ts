// SPDX-License-Identifier: LGPL-2.1-or-later
// So much of gjs, GLib, GObject and Gio as the declarations of this library and the programs here need: those of @girs come
// from npm, which a test does without.

declare function print(...values: any[]): void;
declare function printerr(...values: any[]): void;
declare const ARGV: string[];

declare class TextDecoder {
    constructor(label?: string, options?: {fatal?: boolean, ignoreBOM?: boolean});
    decode(bytes: Uint8Array): string;
}

declare class TextEncoder {
    encode(text: string): Uint8Array;
}

declare module '@girs/gjs' {}
declare module '@girs/gio-2.0/ambient' {}

declare module 'system' {
    const System: {
        programArgs: string[];
        programInvocationName: string;
        exit(status: number): never;
        gc(): void;
    };
    export default System;
}

declare module 'gi://GLib?version=2.0' {
    export namespace GLib {
        class Bytes {
            constructor(data?: Uint8Array | null);
            toArray(): Uint8Array;
            get_size(): number;
        }
        class Error extends globalThis.Error {
            constructor(domain: any, code: number, message: string);
            code: number;
            matches(domain: any, code: number): boolean;
        }
        class MainContext {
            static default(): MainContext;
        }
        class MainLoop {
            static new(context: MainContext | null, running: boolean): MainLoop;
            run(): void;
            quit(): void;
        }
        type SpawnChildSetupFunc = () => void;
        const PRIORITY_DEFAULT: number;
        function get_monotonic_time(): number;
        function getenv(name: string): string | null;
    }
    export default GLib;
}

declare module 'gi://GLib' {
    import GLib from 'gi://GLib?version=2.0';
    export default GLib;
}

declare module 'gi://GObject?version=2.0' {
    export namespace GObject {
        interface GType<T = unknown> {
            name: string;
            prototype?: T;
        }
        class Closure {}
        class Object {
            connect(signal: string, callback: (...args: any[]) => any): number;
            connect_after(signal: string, callback: (...args: any[]) => any): number;
            disconnect(id: number): void;
            emit(signal: string, ...args: any[]): void;
        }
        function registerClass<T extends new (...args: any[]) => Object>(class_: T): T;
        function registerClass<T extends new (...args: any[]) => Object>(options: object, class_: T): T;
    }
    export default GObject;
}

declare module 'gi://GObject' {
    import GObject from 'gi://GObject?version=2.0';
    export default GObject;
}

declare module 'gi://Gio?version=2.0' {
    import GLib from 'gi://GLib?version=2.0';
    import GObject from 'gi://GObject?version=2.0';

    export namespace Gio {
        interface AsyncResult extends GObject.Object {
            get_source_object(): GObject.Object | null;
        }
        interface AsyncReadyCallback<T> {
            (source: T | null, result: AsyncResult): void;
        }
        interface Converter extends GObject.Object {
            reset(): void;
        }
        class IOErrorEnum extends GLib.Error {
            static CANCELLED: number;
            static CLOSED: number;
            static FAILED: number;
            static INVALID_DATA: number;
            static MESSAGE_TOO_LARGE: number;
            static PARTIAL_INPUT: number;
            static TIMED_OUT: number;
            static WOULD_BLOCK: number;
        }
        class Cancellable extends GObject.Object {
            cancel(): void;
        }
        class IOStream extends GObject.Object {}
        class InputStream extends GObject.Object {}
        class OutputStream extends GObject.Object {
            write_all(data: Uint8Array | string, cancellable: Cancellable | null): [boolean, number];
            close(cancellable: Cancellable | null): boolean;
            vfunc_write_fn(bytes: Uint8Array): number;
        }
        class Socket extends GObject.Object {}
        class SocketAddress extends GObject.Object {}
        class SocketConnectable extends GObject.Object {}
        class Credentials extends GObject.Object {}
        class TlsCertificate extends GObject.Object {}
        class TlsConnection extends IOStream {}
        enum TlsCertificateFlags { VALIDATE_ALL = 127 }
        class UnixInputStream extends InputStream {
            fd: number;
            close_fd: boolean;
        }
        enum SubprocessFlags { NONE = 0, STDOUT_PIPE = 2 }
        class Subprocess extends GObject.Object {
            static new(argv: string[], flags: SubprocessFlags): Subprocess;
            get_stdout_pipe(): UnixInputStream;
        }
        enum ZlibCompressorFormat { ZLIB, GZIP, RAW }
        class ZlibDecompressor extends GObject.Object {
            constructor(properties?: {format?: ZlibCompressorFormat});
        }
        class ConverterOutputStream extends OutputStream {
            constructor(properties?: {base_stream?: OutputStream, converter?: ZlibDecompressor, close_base_stream?: boolean});
        }
        function _promisify(prototype: object, start: string, finish?: string): void;
    }
    export default Gio;
}

declare module 'gi://Gio' {
    import Gio from 'gi://Gio?version=2.0';
    export default Gio;
}
