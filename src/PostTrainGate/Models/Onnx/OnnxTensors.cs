using System.Runtime.InteropServices;
using Google.Protobuf;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Torch;
using static PostTrainGate.Models.Onnx.TensorProto.Types;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>ONNX's tensors as torch's and back. Sizes are checked before anything is allocated.</summary>
internal static class OnnxTensors
{
    private const int MaxRank = 16;

    /// <summary>Element types of weights.</summary>
    public static IReadOnlyCollection<int> FloatTypes { get; } =
    [(int)DataType.Float, (int)DataType.Double, (int)DataType.Float16, (int)DataType.Bfloat16];

    private static readonly (DataType Code, ScalarType Type, int Size)[] Types =
    [
        (DataType.Float, ScalarType.Float32, 4),
        (DataType.Double, ScalarType.Float64, 8),
        (DataType.Float16, ScalarType.Float16, 2),
        (DataType.Bfloat16, ScalarType.BFloat16, 2),
        (DataType.Int64, ScalarType.Int64, 8),
        (DataType.Int32, ScalarType.Int32, 4),
        (DataType.Int16, ScalarType.Int16, 2),
        (DataType.Int8, ScalarType.Int8, 1),
        (DataType.Uint8, ScalarType.Byte, 1),
        (DataType.Bool, ScalarType.Bool, 1),
    ];

    /// <summary>torch's type of an ONNX element type, or null where torch has none that this product uses.</summary>
    public static ScalarType? TypeOf(int code) =>
        Array.Find(Types, t => t.Code == (DataType)code) is { Size: > 0 } found ? found.Type : null;

    /// <summary>ONNX's element type of a torch type.</summary>
    public static DataType CodeOf(ScalarType type) => Types.First(t => t.Type == type).Code;

    /// <summary>Bytes of one element.</summary>
    public static int Size(ScalarType type) => Types.First(t => t.Type == type).Size;

    /// <summary>A tensor of its own memory, outside any dispose scope.</summary>
    /// <exception cref="FormatException">The sizes do not fit the data, or the type is not one torch has.</exception>
    public static Tensor Read(TensorProto proto)
    {
        var type = TypeOf(proto.DataType)
            ?? throw new FormatException($"has elements of type {(DataType)proto.DataType}");
        if (proto.DataLocation == DataLocation.External)
            throw new FormatException("keeps its data outside the file");
        if (proto.Segment is not null)
            throw new FormatException("is split into segments");
        var count = Count(proto.Dims);
        var bytes = Bytes(proto, type);
        if (bytes.Length != checked(count * Size(type)))
            throw new FormatException(
                $"of shape [{string.Join(", ", proto.Dims)}] holds {bytes.Length} bytes, not {count * Size(type)}"
            );
        var tensor = empty([.. proto.Dims], dtype: type).DetachFromDisposeScope();
        if (count > 0)
            bytes.CopyTo(tensor.bytes);
        return tensor;
    }

    /// <summary>
    /// Puts other float32 values into a tensor, in the type and the form that it holds its values in. What float32
    /// cannot tell from the value that is there stays as it is.
    /// </summary>
    public static void Write(TensorProto proto, Tensor value)
    {
        using var scope = NewDisposeScope();
        using var before = Read(proto);
        var given = value.detach().OnHost();
        var kept = before.to_type(ScalarType.Float32).eq(given);
        var plain = where(kept, before, given.to_type(before.dtype)).contiguous();
        switch (proto)
        {
            case { HasRawData: true }:
                proto.RawData = ByteString.CopyFrom(plain.bytes);
                break;
            case { FloatData.Count: > 0 }:
                Put(proto.FloatData, plain.data<float>());
                break;
            case { DoubleData.Count: > 0 }:
                Put(proto.DoubleData, plain.data<double>());
                break;
            default:
                Put(proto.Int32Data, MemoryMarshal.Cast<byte, ushort>(plain.bytes).ToArray().Select(bits => (int)bits));
                break;
        }
    }

    /// <summary>Values as a tensor of that type would hold them, in float32.</summary>
    public static Tensor Rounded(Tensor value, ScalarType type) => value.to_type(type).to_type(ScalarType.Float32);

    /// <summary>Number of elements of a shape.</summary>
    /// <exception cref="FormatException">A negative size, or more elements than a file can hold.</exception>
    public static long Count(IReadOnlyCollection<long> dims)
    {
        if (dims.Count > MaxRank)
            throw new FormatException($"has {dims.Count} dimensions; the limit is {MaxRank}");
        Int128 count = 1;
        foreach (var dim in dims)
        {
            if (dim < 0)
                throw new FormatException($"has the invalid shape [{string.Join(", ", dims)}]");
            count *= dim;
            if (count > int.MaxValue)
                throw new FormatException($"of shape [{string.Join(", ", dims)}] is too large");
        }

        return (long)count;
    }

    private static void Put<T>(Google.Protobuf.Collections.RepeatedField<T> field, IEnumerable<T> values)
    {
        field.Clear();
        field.AddRange(values);
    }

    // Raw bytes are little endian, as is every machine that libtorch runs on. The typed lists widen small types to 32
    // bits.
    private static ReadOnlySpan<byte> Bytes(TensorProto proto, ScalarType type)
    {
        if (proto.HasRawData)
            return proto.RawData.Span;
        return type switch
        {
            ScalarType.Float32 => MemoryMarshal.AsBytes<float>(proto.FloatData.ToArray()),
            ScalarType.Float64 => MemoryMarshal.AsBytes<double>(proto.DoubleData.ToArray()),
            ScalarType.Int64 => MemoryMarshal.AsBytes<long>(proto.Int64Data.ToArray()),
            ScalarType.Int32 => MemoryMarshal.AsBytes<int>(proto.Int32Data.ToArray()),
            ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Int16 => MemoryMarshal.AsBytes<short>(
                proto.Int32Data.Select(v => unchecked((short)v)).ToArray()
            ),
            _ => proto.Int32Data.Select(v => unchecked((byte)v)).ToArray(),
        };
    }
}
