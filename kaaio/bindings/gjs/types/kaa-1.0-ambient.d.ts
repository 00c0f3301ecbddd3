// SPDX-License-Identifier: LGPL-2.1-or-later
// import Kaa from 'gi://Kaa?version=1.0';

declare module 'gi://Kaa?version=1.0' {
    import Kaa from '@girs/kaa-1.0';
    export default Kaa;
}

declare module 'gi://Kaa' {
    import Kaa from '@girs/kaa-1.0';
    export default Kaa;
}
