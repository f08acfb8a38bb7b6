using System.Buffers;
using System.IO.MemoryMappedFiles;

namespace PostTrainGate.Models;

/// <summary>A part of a file as memory: pages are read when they are looked at and are nobody's copy.</summary>
internal sealed unsafe class MappedBytes : MemoryManager<byte>
{
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private readonly int _length;

    private MappedBytes(MemoryMappedViewAccessor view, int length)
    {
        (_view, _length) = (view, length);
        byte* pointer = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
        _start = pointer + view.PointerOffset;
    }

    /// <summary>Maps a part of a file, for as long as somebody holds the memory.</summary>
    /// <param name="path">The file.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Number of bytes, which the file has.</param>
    public static ReadOnlyMemory<byte> Map(string path, long offset, int length)
    {
        using var stream = File.OpenRead(path);
        using var file = MemoryMappedFile.CreateFromFile(
            stream,
            null,
            0,
            MemoryMappedFileAccess.Read,
            HandleInheritability.None,
            leaveOpen: false
        );
        return new MappedBytes(file.CreateViewAccessor(offset, length, MemoryMappedFileAccess.Read), length).Memory;
    }

    /// <inheritdoc/>
    public override Span<byte> GetSpan() => new(_start, _length);

    /// <inheritdoc/>
    public override MemoryHandle Pin(int elementIndex = 0) => new(_start + elementIndex);

    /// <inheritdoc/>
    public override void Unpin()
    {
        // The mapping does not move.
    }

    // The view's own handle unmaps it when nobody holds this any more.
    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
    }
}
