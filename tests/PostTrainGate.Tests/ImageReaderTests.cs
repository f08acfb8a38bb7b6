using System.Buffers.Binary;
using System.IO.Compression;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Models;
using PostTrainGate.Reading;
using SkiaSharp;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>Folders of images, written byte by byte as the PNG specification says, so that pixels are known.</summary>
public sealed class ImageReaderTests : IDisposable
{
    private const string Policy = """
        version: 1
        model: model.onnx
        data: { source: images, splits: { repair: 25%, select: 25%, test: 50% } }
        input: { scale: 1/255, bounds: [0, 1] }
        gates: [accuracy: { min: 0.5 }]
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Pixels_come_as_they_are_in_the_order_of_axes_that_the_model_takes(bool last)
    {
        using var scope = NewDisposeScope();
        var images = Enumerable.Range(0, 40).Select(i => Pixels(i, 5, 4)).ToArray();
        for (var i = 0; i < images.Length; i++)
            Png($"images/{(i % 2 == 0 ? "cat" : "dog")}/{i:00}.png", 5, 4, images[i]);
        _folder.Write("images/README.txt", "no image");
        _folder.Write("images/cat/notes.txt", "no image either");
        Model(last ? [5, 4, 3] : [3, 5, 4], last);

        var policy = Read(Policy);
        using var splits = DataReader.Read(
            policy,
            ClassifierLoader.Wanted(OnnxFile.Read(policy.Model!.FullPath), new())
        );
        Assert.Equal(["cat", "dog"], splits.Test.ClassNames);
        Assert.Equal(last ? [20L, 5, 4, 3] : [20L, 3, 5, 4], splits.Test.Inputs.shape);
        for (var row = 0; row < splits.Test.Count; row++)
        {
            var x = last ? splits.Test.Inputs[row] : splits.Test.Inputs[row].permute(1, 2, 0);
            var bytes = (x.contiguous() * 255).round().to_type(uint8).data<byte>().ToArray();
            var i = Array.FindIndex(images, image => image.SequenceEqual(bytes));
            Assert.Equal(i % 2, splits.Test.LabelValues[row]);
        }

        var result = Gate.Run(policy, new() { Write = false }, cancel: TestContext.Current.CancellationToken);
        Assert.Equal(20, result.Gates[0].Original.Count);
    }

    [Fact]
    public void One_channel_is_the_luma_of_colors_and_sizes_are_brought_together()
    {
        byte[][] colors =
        [
            [255, 0, 0],
            [0, 255, 0],
            [0, 0, 255],
            [90, 90, 90],
        ];
        double[] luma = [0.299 * 255, 0.587 * 255, 0.114 * 255, 90]; // ITU-R BT.601
        for (var i = 0; i < 40; i++)
            Png(
                $"images/{i % 4}/{i}.png",
                6 + i % 3,
                8,
                [.. Enumerable.Repeat(colors[i % 4], (6 + i % 3) * 8).SelectMany(c => c)]
            );
        Model([1, 4, 4], last: false, classes: 4);
        Assert.Contains(
            "set 'input.size'",
            Assert.Throws<GateException>(() => Splits(Read(Policy))).Message,
            StringComparison.Ordinal
        );

        using var splits = Splits(Read(Policy.Replace("input: {", "input: { size: [4, 4],", StringComparison.Ordinal)));
        Assert.Equal([20L, 1, 4, 4], splits.Test.Inputs.shape);
        var values = splits.Test.Inputs.data<float>().ToArray();
        for (var i = 0; i < values.Length; i++)
            Assert.Equal(luma[splits.Test.LabelValues[i / 16]], values[i] * 255, 0.51);
        var places = Enumerable.Range(0, 20).Select(splits.Test.PlaceInData).ToArray();
        Assert.Equal(20, places.Distinct().Count());
        Assert.All(places, (place, i) => Assert.StartsWith($"images/{splits.Test.LabelValues[i]}/", place));
        Assert.All(places, place => Assert.True(File.Exists(_folder.Path(place)), place));
    }

    [Fact]
    public void A_jpeg_of_one_color_has_that_color()
    {
        for (var i = 0; i < 16; i++)
        {
            using var bitmap = new SKBitmap(8, 8);
            bitmap.Erase(i % 2 == 0 ? new SKColor(40, 40, 40) : new SKColor(200, 200, 200));
            using var jpeg = bitmap.Encode(SKEncodedImageFormat.Jpeg, 100);
            File.WriteAllBytes(_folder.Path(_folder.Write($"images/{i % 2}/{i}.JPG", "")), jpeg.ToArray());
        }

        Model([3, 8, 8], last: false);
        using var splits = Splits(Read(Policy));
        var values = splits.Test.Inputs.data<float>().ToArray();
        for (var i = 0; i < values.Length; i++)
            Assert.Equal(splits.Test.LabelValues[i / 192] == 0 ? 40 : 200, values[i] * 255, 1.01);
    }

    [Fact]
    public void Images_that_the_model_does_not_take_are_shown_with_both_shapes()
    {
        for (var i = 0; i < 16; i++)
            Png($"images/{i % 2}/{i}.png", 5, 4, Pixels(i, 5, 4));
        Model([3, 8, 8], last: false);
        var error = Assert.Throws<GateException>(() =>
            Gate.Run(Read(Policy), new() { Write = false }, cancel: TestContext.Current.CancellationToken)
        );
        Assert.Contains("shape [3, 8, 8]", error.Message, StringComparison.Ordinal);
        Assert.Contains("shape [3, 5, 4]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_image_or_no_folder_of_images_is_one_clear_error()
    {
        Model([3, 5, 4], last: false);
        Directory.CreateDirectory(_folder.Path("images/cat"));
        Assert.Contains(
            "a folder without images (PNG, JPEG, WEBP, GIF, BMP) in one folder per class",
            Refused(Policy),
            StringComparison.Ordinal
        );
        for (var i = 0; i < 16; i++)
            Png($"images/{i % 2}/{i}.png", 5, 4, Pixels(i, 5, 4));
        var whole = File.ReadAllBytes(_folder.Path("images/1/3.png"));
        File.WriteAllBytes(_folder.Path("images/1/3.png"), whole[..(whole.Length / 2)]);
        Assert.Contains(
            "'3.png' cannot be read: it is corrupt",
            Assert.Throws<GateException>(() => Splits(Read(Policy))).Message,
            StringComparison.Ordinal
        );
        File.WriteAllText(_folder.Path("images/1/3.png"), "hello");
        Assert.Contains(
            "'3.png' cannot be read: it is corrupt or not an image of a supported format (PNG, JPEG, WEBP, GIF, BMP",
            Assert.Throws<GateException>(() => Splits(Read(Policy))).Message,
            StringComparison.Ordinal
        );
        whole[16] = 0x7f; // a width of two thousand million
        File.WriteAllBytes(_folder.Path("images/1/3.png"), whole);
        Assert.Contains(
            "'3.png' cannot be read",
            Assert.Throws<GateException>(() => Splits(Read(Policy))).Message,
            StringComparison.Ordinal
        );
        File.Delete(_folder.Path("images/1/3.png"));
        File.CreateSymbolicLink(_folder.Path("images/1/3.png"), "/usr/share/pixmaps/any.png");
        Assert.Contains(
            "which a symbolic link takes out of the policy's folder",
            Refused(Policy),
            StringComparison.Ordinal
        );
    }

    private static byte[] Pixels(int seed, int height, int width)
    {
        var pixels = new byte[height * width * 3];
        new Random(seed).NextBytes(pixels);
        return pixels;
    }

    private static DataSplits Splits(GatePolicy policy) =>
        DataReader.Read(policy, ClassifierLoader.Wanted(OnnxFile.Read(policy.Model!.FullPath), new()));

    private GatePolicy Read(string text)
    {
        var (policy, diagnostics) = PolicyReader.Read(_folder.Write("posttraingate.yml", text));
        Assert.Empty(diagnostics);
        return policy!;
    }

    private string Refused(string text) =>
        Assert.Single(PolicyReader.Read(_folder.Write("posttraingate.yml", text)).Diagnostics).Message;

    private void Model(long[] shape, bool last, long classes = 2)
    {
        using var scope = NewDisposeScope();
        OnnxWriter writer = new(shape);
        if (last)
            writer.Then("Transpose", ("perm", new long[] { 0, 3, 1, 2 }));
        var inputs = shape.Aggregate((a, b) => a * b);
        writer
            .Flatten()
            .Gemm(ones(classes, inputs), zeros(classes))
            .Save(_folder.Path("model.onnx"), "logits", classes);
    }

    // Color type 2, 8 bits, no filter.
    private void Png(string file, int height, int width, byte[] rgb)
    {
        using var png = new MemoryStream();
        png.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, 2);
        Chunk("IHDR"u8, header);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            for (var y = 0; y < height; y++)
                zlib.Write([0, .. rgb.AsSpan(y * width * 3, width * 3)]);
        Chunk("IDAT"u8, packed.ToArray());
        Chunk("IEND"u8, []);
        Directory.CreateDirectory(Path.GetDirectoryName(_folder.Path(file))!);
        File.WriteAllBytes(_folder.Path(file), png.ToArray());

        void Chunk(ReadOnlySpan<byte> type, byte[] data)
        {
            Span<byte> word = stackalloc byte[4];
            BinaryPrimitives.WriteInt32BigEndian(word, data.Length);
            png.Write(word);
            byte[] body = [.. type, .. data];
            png.Write(body);
            BinaryPrimitives.WriteUInt32BigEndian(word, Crc(body));
            png.Write(word);
        }
    }

    // PNG's CRC, bit by bit.
    private static uint Crc(byte[] bytes)
    {
        var crc = 0xFFFFFFFFu;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var k = 0; k < 8; k++)
                crc = (crc & 1) == 1 ? 0xEDB88320u ^ (crc >> 1) : crc >> 1;
        }

        return ~crc;
    }
}
