using System.IO.Compression;
using System.Text;
using CsCheck;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

public class NpzFileTests
{
    [Fact]
    public void Numpys_own_archive_gives_shapes_types_and_the_figures_in_its_description()
    {
        using var scope = NewDisposeScope();
        var arrays = NpzFile.Read(Fixtures.Elsewhere("fairness/german.npz"));
        Assert.Equal([700, 58], arrays["x_train"].shape);
        Assert.Equal(ScalarType.Int32, arrays["x_train"].dtype);
        // scaler_min and scaler_max were fitted on x_train by scikit-learn: they check every value and the memory order
        // of x_train.
        Assert.Equal(
            arrays["scaler_min"].to(float64).data<double>(),
            arrays["x_train"].amin(0).to(float64).data<double>()
        );
        Assert.Equal(
            arrays["scaler_max"].to(float64).data<double>(),
            arrays["x_train"].amax(0).to(float64).data<double>()
        );
    }

    [Fact]
    public void Fortran_order_gives_the_same_array_as_C_order()
    {
        // FMT's mutants: rows i and i+N differ only in the attribute; german's were saved in Fortran order by NumPy.
        using var scope = NewDisposeScope();
        var mutants = NpzFile.Read(Fixtures.Elsewhere("fairness/german_mutation_sex.npz")).Values.Single();
        var half = mutants.shape[0] / 2;
        var differs = mutants.slice(0, 0, half, 1).ne(mutants.slice(0, half, 2 * half, 1)).any(0);
        Assert.True(differs.sum().item<long>() <= 1);
    }

    [Fact]
    public void Any_array_in_either_order_and_every_version_reads_back() =>
        Gen.Select(Gen.Long[0, 5].Array[0, 4], Gen.Bool, Gen.Int[1, 3])
            .Sample(
                (shape, fortran, version) =>
                {
                    using var scope = NewDisposeScope();
                    var count = shape.Aggregate(1L, (a, b) => a * b);
                    var expected = arange(count, dtype: float64).reshape(shape);
                    var stored =
                        fortran && shape.Length > 1
                            ? expected
                                .permute([.. Enumerable.Range(0, shape.Length).Reverse().Select(i => (long)i)])
                                .contiguous()
                            : expected;
                    var path = Archive(("a", Npy("<f8", fortran, Tuple(shape), stored.bytes.ToArray(), version)));
                    var read = NpzFile.Read(path)["a"];
                    File.Delete(path);
                    Assert.Equal(shape, read.shape);
                    Assert.True(read.equal(expected).all().item<bool>());
                },
                iter: 100
            );

    // As NumPy writes 1, 255 or 258, and the largest value of the type.
    [Theory]
    [InlineData("<u2", "0100 FF00 FFFF", 1, 255, 65535)]
    [InlineData(">u2", "0001 00FF FFFF", 1, 255, 65535)]
    [InlineData(">i2", "0001 0102 FFFF", 1, 258, -1)]
    [InlineData("<u4", "01000000 02010000 FFFFFFFF", 1, 258, 4294967295)]
    [InlineData(">i4", "00000001 00000102 FFFFFFFF", 1, 258, -1)]
    [InlineData(">u8", "0000000000000001 0000000000000102 7FFFFFFFFFFFFFFF", 1, 258, long.MaxValue)]
    [InlineData(">f4", "3F800000 43810000 C0000000", 1, 258, -2)]
    [InlineData(">f8", "3FF0000000000000 4070200000000000 C000000000000000", 1, 258, -2)]
    public void Every_byte_order_and_sign_is_read(string type, string bytes, long first, long second, long third)
    {
        using var scope = NewDisposeScope();
        var path = Archive(("a", Npy(type, false, "(3,)", Convert.FromHexString(bytes.Replace(" ", "")), 1)));
        var read = NpzFile.Read(path)["a"];
        File.Delete(path);
        Assert.Equal([first, second, third], read.to(int64).data<long>());
    }

    [Theory]
    [InlineData("|O", "(1,)", 8, "Python objects")]
    [InlineData("<c8", "(1,)", 8, "elements of type 'c8'; save it as booleans, integers or floats")]
    [InlineData("<M8[ns]", "(1,)", 8, "elements of type 'M8[ns]'")]
    [InlineData("<f4", "(3,)", 8, "needs 12 bytes")]
    [InlineData("<f4", "(4611686018427387904, 8)", 8, "needs")]
    [InlineData("<f4", "(-2,)", 8, "malformed")]
    [InlineData("<u8", "(1,)", 8, "values above 9223372036854775807", 0xFF)]
    public void What_cannot_be_trusted_is_refused(string type, string shape, int bytes, string says, byte value = 0)
    {
        var path = Archive(("x", Npy(type, false, shape, [.. Enumerable.Repeat(value, bytes)], 1)));
        var thrown = Assert.Throws<GateException>(() => NpzFile.Read(path));
        File.Delete(path);
        Assert.Equal(DiagnosticCodes.DataUnreadable, thrown.Diagnostics[0].Code);
        Assert.Contains(says, thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_archive_or_is_cut_short_is_refused()
    {
        var whole = Archive(
            ("x", Npy("<f4", false, "(500,)", [.. Enumerable.Range(0, 2000).Select(i => (byte)(i * 7919 >> 3))], 1))
        );
        var bytes = File.ReadAllBytes(whole);
        foreach (var cut in new[] { 0, 10, bytes.Length / 2, bytes.Length - 1 })
        {
            File.WriteAllBytes(whole, bytes[..cut]);
            Assert.Equal(
                DiagnosticCodes.DataUnreadable,
                Assert.Throws<GateException>(() => NpzFile.Read(whole)).Diagnostics[0].Code
            );
        }

        File.Delete(whole);
    }

    private static string Tuple(long[] shape) => shape.Length == 1 ? $"({shape[0]},)" : $"({string.Join(", ", shape)})";

    internal static byte[] Npy(string type, bool fortran, string shape, byte[] data, int version)
    {
        var header = Encoding.ASCII.GetBytes(
            $"{{'descr': '{type}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n"
        );
        var length =
            version == 1 ? BitConverter.GetBytes((ushort)header.Length) : BitConverter.GetBytes((uint)header.Length);
        return [0x93, .. "NUMPY"u8, (byte)version, 0, .. length, .. header, .. data];
    }

    internal static string Archive(params (string Name, byte[] Npy)[] arrays)
    {
        var path = Path.GetTempFileName();
        using var archive = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        foreach (var (name, npy) in arrays)
        {
            using var stream = archive.CreateEntry(name + ".npy").Open();
            stream.Write(npy);
        }

        return path;
    }
}
