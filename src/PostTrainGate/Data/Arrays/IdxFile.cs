using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>
/// The IDX format of MNIST and its kin (Y. LeCun, "The MNIST database", file formats), plain or gzip-compressed.
/// </summary>
public static class IdxFile
{
    private const long DeflateRatio = 1032; // the most that deflate can expand (zlib, "Maximum Expansion Factor")

    /// <summary>Whether a file begins as IDX does.</summary>
    public static bool Is(string path)
    {
        try
        {
            using var stream = Open(path);
            Span<byte> magic = stackalloc byte[4];
            return stream.ReadAtLeast(magic, 4, throwOnEndOfStream: false) == 4
                && magic[0] == 0
                && magic[1] == 0
                && TypeOf(magic[2]) is not null
                && magic[3] > 0;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>The array in its own type and shape; the caller disposes it.</summary>
    /// <exception cref="GateException">PTG3001.</exception>
    public static Tensor Read(string path) => Read(path, null);

    /// <summary>The same of a file that a policy names, with errors at its place there.</summary>
    internal static Tensor Read(PolicyPath source) => Read(source.Files[0], source);

    private static Tensor Read(string path, PolicyPath? source)
    {
        try
        {
            using var stream = Open(path);
            Span<byte> word = stackalloc byte[4];
            stream.ReadExactly(word);
            if (word[0] != 0 || word[1] != 0 || TypeOf(word[2]) is not { } known)
                throw new InvalidDataException("it does not start with the header of an IDX file");
            var (type, size) = known;
            if (word[3] is 0 or > DataLimits.Axes)
                throw new InvalidDataException($"it has {word[3]} dimensions; 1 to {DataLimits.Axes} are supported");
            var shape = new long[word[3]];
            Int128 bytes = size;
            foreach (ref var axis in shape.AsSpan())
            {
                stream.ReadExactly(word);
                axis = BinaryPrimitives.ReadUInt32BigEndian(word);
                bytes = Int128.Min(bytes * axis, long.MaxValue);
            }

            if (bytes == 0)
                throw new InvalidDataException($"it is empty; its shape is ({string.Join(", ", shape)})");
            if (bytes > DataLimits.ArrayBytes)
                throw new InvalidDataException(
                    $"its shape ({string.Join(", ", shape)}) needs {bytes} bytes; the limit is 2 GiB"
                );
            if ((long)bytes / DeflateRatio > new FileInfo(path).Length)
                throw new InvalidDataException("its header declares more values than the file can hold");
            var array = empty(shape, type);
            stream.ReadExactly(array.bytes);
            if (stream.ReadByte() >= 0)
                throw new InvalidDataException($"it holds more data than its shape ({string.Join(", ", shape)}) needs");
            ToLittleEndian(array.bytes, size);
            return array;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw DataProblem.Unreadable("IDX", path, source, e);
        }
    }

    private static Stream Open(string path)
    {
        var file = File.OpenRead(path);
        var gzip = file.ReadByte() == 0x1f && file.ReadByte() == 0x8b;
        file.Position = 0;
        return gzip ? new GZipStream(file, CompressionMode.Decompress) : new BufferedStream(file);
    }

    private static (ScalarType Type, int Size)? TypeOf(byte code) =>
        code switch
        {
            0x08 => (ScalarType.Byte, 1),
            0x09 => (ScalarType.Int8, 1),
            0x0B => (ScalarType.Int16, 2),
            0x0C => (ScalarType.Int32, 4),
            0x0D => (ScalarType.Float32, 4),
            0x0E => (ScalarType.Float64, 8),
            _ => null,
        };

    private static void ToLittleEndian(Span<byte> bytes, int size)
    {
        if (size == 2)
        {
            var words = MemoryMarshal.Cast<byte, short>(bytes);
            BinaryPrimitives.ReverseEndianness(words, words);
        }
        if (size == 4)
        {
            var words = MemoryMarshal.Cast<byte, int>(bytes);
            BinaryPrimitives.ReverseEndianness(words, words);
        }
        if (size == 8)
        {
            var words = MemoryMarshal.Cast<byte, long>(bytes);
            BinaryPrimitives.ReverseEndianness(words, words);
        }
    }
}
