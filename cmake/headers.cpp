// Nothing: precompiled headers need a source to be made with.
