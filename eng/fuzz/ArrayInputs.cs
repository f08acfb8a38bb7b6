using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace PostTrainGate.Fuzz;

/// <summary>IDX and NPZ files.</summary>
internal static class ArrayInputs
{
    private static readonly string[] Types =
    [
        "<f4",
        "<f8",
        "|u1",
        "<i8",
        "|b1",
        "<f2",
        "|O",
        ">f4",
        "<U4",
        "<c8",
        "|i1",
        "<i2",
        "<i4",
        "",
    ];
    private static readonly string[] Sizes =
    [
        "60",
        "2",
        "0",
        "1",
        "-1",
        "4611686018427387904",
        "9223372036854775807",
        "99999999999999999999",
        "",
        "x",
    ];
    private static readonly string[] Names = ["x", "y", "g", "label", "../x", "x", ""];

    public static IReadOnlyList<byte[]> NpzSeeds { get; } =
    [
        Archive(
            [
                ("x.npy", Npy("<f4", "False", "(60, 2)", new byte[480], 1)),
                ("y.npy", Npy("|u1", "False", "(60,)", Labels, 1)),
                ("g.npy", Npy("<i8", "True", "(60,)", new byte[480], 2)),
            ],
            CompressionLevel.NoCompression
        ),
        Archive(
            [
                ("X.npy", Npy("<f8", "True", "(60, 3)", new byte[1440], 3)),
                ("labels.npy", Npy("|b1", "False", "(60,)", Labels, 1)),
            ],
            CompressionLevel.Fastest
        ),
    ];

    public static IReadOnlyList<byte[]> NpzWords { get; } =
    [
        .. Types
            .Concat(Sizes)
            .Concat(Names)
            .Concat(["PK\u0003\u0004", "PK\u0001\u0002", "PK\u0005\u0006", ".npy", "(60, 2)", "True", "'shape': ()"])
            .Select(Encoding.Latin1.GetBytes),
    ];

    public static IReadOnlyList<byte[]> IdxSeeds { get; } =
    [
        IdxOf(0x08, [60, 4, 4], new byte[960]),
        IdxOf(0x0D, [60, 3], new byte[720]),
        IdxOf(0x0E, [2, 1, 1, 1], new byte[16]),
        Gzip(IdxOf(0x0B, [60, 2, 2], new byte[480])),
    ];

    private static byte[] Labels => [.. Enumerable.Range(0, 60).Select(i => (byte)(i % 2))];

    /// <summary>An archive whose heads say odd things of odd contents.</summary>
    public static byte[] Npz(Random random)
    {
        var arrays = Enumerable
            .Range(0, random.Next(5))
            .Select(_ =>
            {
                var shape = string.Join(
                    ", ",
                    Enumerable
                        .Range(0, random.Next(5))
                        .Select(_ => Sizes[random.Next(random.Next(4) == 0 ? Sizes.Length : 2)])
                );
                return (
                    Names[random.Next(Names.Length)] + ".npy",
                    Npy(
                        Types[random.Next(Types.Length)],
                        random.Next(3) == 0 ? "True" : "False",
                        $"({shape},)",
                        new byte[random.Next(600)],
                        random.Next(5)
                    )
                );
            });
        return Archive(arrays, random.Next(2) == 0 ? CompressionLevel.NoCompression : CompressionLevel.Fastest);
    }

    /// <summary>A file of any type and any axes, at times compressed.</summary>
    public static byte[] Idx(Random random)
    {
        uint[] sizes = [0, 1, 2, 60, 65536, int.MaxValue, uint.MaxValue];
        var axes = Enumerable.Range(0, random.Next(6)).Select(_ => sizes[random.Next(sizes.Length)]).ToArray();
        var idx = IdxOf((byte)random.Next(7, 16), axes, new byte[random.Next(300)]);
        if (random.Next(4) == 0)
            idx[3] = (byte)random.Next(256);
        return random.Next(3) == 0 ? Gzip(idx) : idx;
    }

    private static byte[] IdxOf(byte type, uint[] axes, byte[] values)
    {
        var head = new byte[4 + 4 * axes.Length];
        (head[2], head[3]) = (type, (byte)axes.Length);
        for (var i = 0; i < axes.Length; i++)
            BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(4 + 4 * i), axes[i]);
        return [.. head, .. values];
    }

    private static byte[] Npy(string type, string fortran, string shape, byte[] data, int version)
    {
        var header = Encoding.ASCII.GetBytes(
            $"{{'descr': '{type}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n"
        );
        var length =
            version == 1 ? BitConverter.GetBytes((ushort)header.Length) : BitConverter.GetBytes((uint)header.Length);
        return [0x93, .. "NUMPY"u8, (byte)version, 0, .. length, .. header, .. data];
    }

    private static byte[] Archive(IEnumerable<(string Name, byte[] Npy)> arrays, CompressionLevel level)
    {
        using var bytes = new MemoryStream();
        using (var archive = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, npy) in arrays)
            {
                using var stream = archive.CreateEntry(name, level).Open();
                stream.Write(npy);
            }
        }

        return bytes.ToArray();
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(bytes);
        return packed.ToArray();
    }
}
