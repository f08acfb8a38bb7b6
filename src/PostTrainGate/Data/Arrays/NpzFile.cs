using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>
/// NumPy's archive of arrays: a zip of <c>.npy</c> files (NumPy Enhancement Proposal 1, format versions 1 to 3).
/// </summary>
/// <remarks>
/// Read here rather than through a library: the file is untrusted, so that no array may be allocated before its size is
/// known to fit the bytes that are there, and none of NumPy's pickled objects may ever be read.
/// </remarks>
public static partial class NpzFile
{
    private const long LargestHeader = 1 << 16;
    private const long DeflateRatio = 1032; // the most that deflate can expand (zlib, "Maximum Expansion Factor")

    /// <summary>
    /// Shapes of all arrays by name, from their heads alone; null where the array is of no kind that can be read.
    /// </summary>
    /// <exception cref="GateException">PTG3001.</exception>
    public static IReadOnlyDictionary<string, long[]?> Shapes(string path) => Shapes(path, null);

    /// <summary>The same of a file that a policy names, with errors at its place there.</summary>
    internal static IReadOnlyDictionary<string, long[]?> Shapes(PolicyPath source) => Shapes(source.Files[0], source);

    private static Dictionary<string, long[]?> Shapes(string path, PolicyPath? source)
    {
        var shapes = new Dictionary<string, long[]?>(StringComparer.Ordinal);
        Each(path, source, _ => true, (stream, name, _) => shapes[name] = Try(stream, name));
        return shapes;

        static long[]? Try(Stream stream, string name)
        {
            try
            {
                return ReadHeader(stream, name).Shape;
            }
            catch (InvalidDataException)
            {
                return null; // told where it is wanted
            }
        }
    }

    /// <summary>
    /// Arrays by name, in their own type and shape; the caller disposes them. Object arrays (pickle) are refused.
    /// </summary>
    /// <remarks>
    /// Element types: bool, signed and unsigned integers, and f2, f4, f8, of either byte order, in C or Fortran order.
    /// Unsigned integers become signed ones of twice the size; u8 as long as its values fit.
    /// </remarks>
    /// <param name="path">The file.</param>
    /// <param name="wanted">Which arrays; null: all. Others are not unpacked.</param>
    /// <exception cref="GateException">PTG3001.</exception>
    public static IReadOnlyDictionary<string, Tensor> Read(string path, Func<string, bool>? wanted = null) =>
        Read(path, null, wanted ?? (_ => true));

    /// <summary>The same of a file that a policy names, with errors at its place there.</summary>
    internal static IReadOnlyDictionary<string, Tensor> Read(PolicyPath source, Func<string, bool> wanted) =>
        Read(source.Files[0], source, wanted);

    private static Dictionary<string, Tensor> Read(string path, PolicyPath? source, Func<string, bool> wanted)
    {
        using var scope = NewDisposeScope();
        var arrays = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        Each(path, source, wanted, (stream, name, length) => arrays[name] = ReadArray(stream, name, length));
        foreach (var array in arrays.Values)
            array.MoveToOuterDisposeScope();
        return arrays;
    }

    private static void Each(
        string path,
        PolicyPath? source,
        Func<string, bool> wanted,
        Action<Stream, string, long> read
    )
    {
        try
        {
            using var archive = ZipFile.OpenRead(path);
            if (archive.Entries.Count > DataLimits.Arrays)
                throw new InvalidDataException(
                    $"it holds {archive.Entries.Count} arrays; the limit is {DataLimits.Arrays}"
                );
            var names = new HashSet<string>(StringComparer.Ordinal);
            foreach (var entry in archive.Entries)
            {
                if (!entry.FullName.EndsWith(".npy", StringComparison.Ordinal))
                    throw new InvalidDataException($"'{entry.FullName}' is not a .npy file");
                var name = entry.FullName[..^4];
                if (!names.Add(name))
                    throw new InvalidDataException($"it holds the array '{name}' twice");
                if (!wanted(name))
                    continue;
                if (entry.Length / DeflateRatio > entry.CompressedLength)
                    throw new InvalidDataException($"the array '{name}' declares more bytes than the file can hold");
                using var stream = entry.Open();
                read(stream, name, entry.Length);
            }
        }
        catch (Exception e)
            when (e is IOException or InvalidDataException or UnauthorizedAccessException or NotSupportedException)
        {
            throw DataProblem.Unreadable("NPZ", path, source, e);
        }
    }

    private sealed record Element(ScalarType Type, int Size, bool IsUnsigned, bool IsBigEndian);

    private sealed record Header(Element Element, bool Fortran, long[] Shape, long Length);

    private static Header ReadHeader(Stream stream, string name)
    {
        Span<byte> prefix = stackalloc byte[12];
        stream.ReadExactly(prefix[..10]);
        if (prefix[0] != 0x93 || !prefix[1..6].SequenceEqual("NUMPY"u8))
            throw new InvalidDataException($"'{name}' is not a .npy array");
        var version = prefix[6];
        if (version is < 1 or > 3)
            throw new InvalidDataException(
                $"'{name}' uses version {version} of the .npy format; versions 1 to 3 are supported"
            );
        if (version > 1)
            stream.ReadExactly(prefix[10..]);
        var before = version == 1 ? 10 : 12;
        long headerLength =
            version == 1
                ? BinaryPrimitives.ReadUInt16LittleEndian(prefix[8..])
                : BinaryPrimitives.ReadUInt32LittleEndian(prefix[8..]);
        if (headerLength > LargestHeader)
            throw new InvalidDataException($"'{name}' has a header of {headerLength} bytes");

        var header = new byte[headerLength];
        stream.ReadExactly(header);
        var (element, fortran, shape) = ParseHeader(name, Encoding.UTF8.GetString(header));
        return new(element, fortran, shape, before + headerLength);
    }

    private static Tensor ReadArray(Stream stream, string name, long length)
    {
        var (element, fortran, shape, before) = ReadHeader(stream, name);
        // Cannot overflow.
        var bytes = shape.Aggregate((Int128)element.Size, (product, axis) => Int128.Min(product * axis, long.MaxValue));
        var present = length - before;
        if (bytes != present)
            throw new InvalidDataException(
                $"'{name}' needs {bytes} bytes for its shape ({string.Join(", ", shape)}) and has {present}"
            );
        if (bytes > DataLimits.ArrayBytes)
            throw new InvalidDataException($"'{name}' has {bytes} bytes; the limit is 2 GiB per array");

        // Fortran order is C order with the axes reversed.
        var array = empty(fortran ? shape.Reverse().ToArray() : shape, element.Type);
        if (bytes > 0)
            stream.ReadExactly(array.bytes);
        if (element.IsBigEndian)
            for (var start = 0; start < (long)bytes; start += element.Size)
                array.bytes.Slice(start, element.Size).Reverse();
        if (element.IsUnsigned)
            array = Unsigned(name, array);
        return fortran && shape.Length > 1
            ? array.permute([.. Enumerable.Range(0, shape.Length).Reverse().Select(a => (long)a)]).contiguous()
            : array;
    }

    // libtorch computes with signed integers, and with bytes.
    private static Tensor Unsigned(string name, Tensor read)
    {
        if (read.dtype == ScalarType.Int64)
            return read.numel() == 0 || read.min().item<long>() >= 0
                ? read
                : throw new InvalidDataException(
                    $"'{name}' has values above {long.MaxValue}; save it in a smaller type"
                );
        using var scope = NewDisposeScope();
        var (wider, most) = read.dtype == ScalarType.Int16 ? (int32, (long)ushort.MaxValue) : (int64, uint.MaxValue);
        return read.to(wider).bitwise_and(tensor(most, wider)).MoveToOuterDisposeScope();
    }

    private static (Element Element, bool Fortran, long[] Shape) ParseHeader(string name, string header)
    {
        var (descr, order, shape) = (Descr().Match(header), Order().Match(header), Shape().Match(header));
        if (!descr.Success || !order.Success || !shape.Success)
            throw new InvalidDataException($"the header of '{name}' is malformed: {header.Trim()}");
        var kind = descr.Groups[1].Value;
        var (type, size) = kind.TrimStart('<', '>', '|', '=') switch
        {
            "b1" => (ScalarType.Bool, 1),
            "u1" => (ScalarType.Byte, 1),
            "i1" => (ScalarType.Int8, 1),
            "i2" or "u2" => (ScalarType.Int16, 2),
            "i4" or "u4" => (ScalarType.Int32, 4),
            "i8" or "u8" => (ScalarType.Int64, 8),
            "f2" => (ScalarType.Float16, 2),
            "f4" => (ScalarType.Float32, 4),
            "f8" => (ScalarType.Float64, 8),
            var other when other.Contains('O', StringComparison.Ordinal) => throw new InvalidDataException(
                $"'{name}' holds Python objects, which are not supported; save it as numbers"
            ),
            var other => throw new InvalidDataException(
                $"'{name}' has elements of type '{other}'; save it as booleans, integers or floats of up to 8 bytes"
            ),
        };
        var element = new Element(type, size, size > 1 && kind.Contains('u', StringComparison.Ordinal), kind[0] == '>');
        var sizes = shape
            .Groups[1]
            .Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(s =>
                long.TryParse(s, NumberStyles.None, CultureInfo.InvariantCulture, out var axis)
                    ? axis
                    : throw new InvalidDataException($"the shape of '{name}' is malformed: ({shape.Groups[1].Value})")
            );
        long[] axes = [.. sizes];
        if (axes.Length > DataLimits.Axes)
            throw new InvalidDataException(
                $"'{name}' has {axes.Length} dimensions; at most {DataLimits.Axes} are supported"
            );
        return (element, order.Groups[1].Value == "True", axes);
    }

    [GeneratedRegex("""['"]descr['"]\s*:\s*['"]([^'"]+)['"]""")]
    private static partial Regex Descr();

    [GeneratedRegex("""['"]fortran_order['"]\s*:\s*(True|False)""")]
    private static partial Regex Order();

    [GeneratedRegex("""['"]shape['"]\s*:\s*\(([0-9,\s]*)\)""")]
    private static partial Regex Shape();
}
