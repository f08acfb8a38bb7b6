using System.Collections.Immutable;
using System.Runtime.InteropServices;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using SkiaSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>
/// Reads the images of a folder for each class. Pixels come as bytes, in the model's number of channels (one: gray as
/// Pillow and ITU-R 601 weigh colors; three: red, green, blue) and order of axes; alpha is left out.
/// </summary>
internal static class ImageReader
{
    private const long MostPixels = 1 << 26;

    /// <summary>Whether a file is an image that can be read, or is called as one.</summary>
    public static bool Reads(string file) => ImageFile.KindOf(file) is ImageKind.Readable;

    /// <summary>
    /// Inputs [n, channels, height, width] or channels last, in bytes; columns <c>class</c> (name of the folder that
    /// the file is in) and
    /// <c>file</c> (its path below the policy's folder), which groups may use.
    /// </summary>
    /// <exception cref="GateException">PTG2004: images of another size than the model's; PTG3001: no image.</exception>
    public static (Tensor Inputs, Table Columns, string Label) Read(
        EvaluationPolicy policy,
        ModelInputs? wanted,
        List<Diagnostic> notes
    )
    {
        var (data, source) = (policy.Data, policy.Data.Source);
        if (data.Label is not null || data.LabelFile is not null || data.Features != new FeaturePolicy())
        {
            throw data.Position.Error(
                DiagnosticCodes.PolicyConflict,
                "'label', 'label_file' and 'features' do not apply to images; "
                    + "the class of an image is the name of its folder."
            );
        }

        var form = Form.FromPolicy(policy, wanted?.Shape);
        var files = source.Files;
        var seen = new Seen();
        using var first = Decode(files[0], source, form, new());
        var bytes = (long)files.Length * first.Height * first.Width * form.Channels;
        if (bytes > DataLimits.Values)
        {
            throw source.Position.Error(
                DiagnosticCodes.DataUnreadable,
                $"{files.Length} images of {first.Height} x {first.Width} need more than "
                    + $"{4 * DataLimits.Values >> 30} GiB; use fewer or smaller images."
            );
        }

        var all = empty([files.Length, first.Height, first.Width, form.Channels], dtype: ScalarType.Byte);
        var size = first.Height * first.Width * form.Channels;
        try
        {
            Parallel.For(0, files.Length, i =>
            {
                using var image = Decode(files[i], source, form, seen);
                if ((image.Height, image.Width) != (first.Height, first.Width))
                    throw Differs(source, files[i], image, files[0], first);
                Channels(image.GetPixelSpan(), all.bytes.Slice(i * size, size), form.Channels);
            });
        }
        catch (AggregateException several) when (several.InnerExceptions.All(e => e is GateException))
        {
            throw several.InnerExceptions.OrderBy(e => e.Message, StringComparer.Ordinal).First();
        }

        var texts = new Dictionary<string, string[]>
        {
            ["class"] = [.. files.Select(f => Path.GetFileName(Path.GetDirectoryName(f)!))],
            ["file"] = [.. files.Select(f => Path.GetRelativePath(policy.Folder, f).Replace('\\', '/'))],
        };
        notes.AddRange(seen.Notes(source));
        notes.AddRange(ImageFile.Unread(source));
        return (
            form.Layout == ImageLayout.Nhwc ? all : all.permute(0, 3, 1, 2).contiguous(),
            Table.FromArrays(texts, source),
            "class"
        );
    }

    /// <summary>Whether one image can be decoded.</summary>
    /// <exception cref="GateException">PTG3001.</exception>
    internal static void Try(string file, PolicyPath source) =>
        Decode(file, source, new(3, ImageLayout.Nchw, null), new()).Dispose();

    private static SKBitmap Decode(string file, PolicyPath source, Form form, Seen seen)
    {
        using var codec = SKCodec.Create(file, out var result);
        if (codec is null)
            throw Unreadable($"it is corrupt or not an image of a supported format ({ImageFile.Readable}; {result})");
        var info = new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        if ((long)info.Width * info.Height > MostPixels)
            throw Unreadable($"it has {info.Height} x {info.Width} pixels; the limit is {MostPixels}");
        var bitmap = new SKBitmap(info);
        result = codec.GetPixels(info, bitmap.GetPixels());
        if (result != SKCodecResult.Success)
            throw Broken(bitmap, $"it is corrupt ({result})");
        if (codec.EncodedOrigin is not (SKEncodedOrigin.TopLeft or SKEncodedOrigin.Default))
        {
            seen.Turn();
            bitmap = Upright(bitmap, codec.EncodedOrigin);
            info = bitmap.Info;
        }

        if (codec.FrameCount > 1)
            seen.Move();
        if (form.Size is not var (height, width) || (height, width) == (bitmap.Height, bitmap.Width))
            return bitmap;
        using (bitmap)
            return bitmap.Resize(info.WithSize(width, height), SKFilterQuality.Medium)
                ?? throw Unreadable("it cannot be resized");

        GateException Broken(SKBitmap half, string why)
        {
            half.Dispose();
            return Unreadable(why);
        }

        GateException Unreadable(string why) =>
            source.Position.Error(
                DiagnosticCodes.DataUnreadable,
                $"The image {Wording.Quote(Path.GetFileName(file))} cannot be read: {why}."
            );
    }

    // EXIF says how a camera was held. The numbers of the eight ways are those of TIFF: from 5 on rows are columns.
    private static SKBitmap Upright(SKBitmap stored, SKEncodedOrigin origin)
    {
        using var _ = stored;
        var (height, width) = (stored.Height, stored.Width);
        var turned = (int)origin >= 5;
        var upright = new SKBitmap(stored.Info.WithSize(turned ? height : width, turned ? width : height));
        var from = MemoryMarshal.Cast<byte, int>(stored.GetPixelSpan());
        var to = new int[upright.Height * upright.Width];
        for (var y = 0; y < upright.Height; y++)
        {
            for (var x = 0; x < upright.Width; x++)
            {
                var (row, column) = turned ? (x, y) : (y, x);
                if ((int)origin is 3 or 4 or 6 or 7)
                    row = height - 1 - row;
                if ((int)origin is 2 or 3 or 7 or 8)
                    column = width - 1 - column;
                to[y * upright.Width + x] = from[row * width + column];
            }
        }

        Marshal.Copy(to, 0, upright.GetPixels(), to.Length);
        return upright;
    }

    /// <summary>What a reader of the result should know of the images, counted.</summary>
    private sealed class Seen
    {
        private int _turned,
            _moving;

        public void Turn() => Interlocked.Increment(ref _turned);

        public void Move() => Interlocked.Increment(ref _moving);

        public IEnumerable<Diagnostic> Notes(PolicyPath source)
        {
            if (_turned > 0)
                yield return Note($"{Images(_turned)} an EXIF orientation, which was applied");
            if (_moving > 0)
                yield return Note($"{Images(_moving)} several frames; only the first is used");

            Diagnostic Note(string what) => new(DiagnosticCodes.DataValue, $"{what}.", source.Position, Severity.Note);
            string Images(int count) => $"{count} of {source.Files.Length} images {(count == 1 ? "has" : "have")}";
        }
    }

    // From red, green, blue, alpha.
    private static void Channels(ReadOnlySpan<byte> pixels, Span<byte> target, int channels)
    {
        for (int p = 0, t = 0; t < target.Length; p += 4, t += channels)
        {
            if (channels == 1)
                target[t] = (byte)((pixels[p] * 19595 + pixels[p + 1] * 38470 + pixels[p + 2] * 7471 + 0x8000) >> 16);
            else
                pixels.Slice(p, 3).CopyTo(target[t..]);
        }
    }

    /// <summary>What images are brought to.</summary>
    /// <param name="Channels">1 or 3.</param>
    /// <param name="Layout">Order of axes.</param>
    /// <param name="Size">Height and width that the policy asks for; null: as they are.</param>
    private sealed record Form(int Channels, ImageLayout Layout, (int Height, int Width)? Size)
    {
        /// <summary>
        /// As the policy says, else as the model's input shape shows: channels are the axis of 1 or 3, the first where
        /// both are.
        /// </summary>
        public static Form FromPolicy(EvaluationPolicy policy, ImmutableArray<long>? shape)
        {
            var last = policy.Input.Layout is { } given
                ? given == ImageLayout.Nhwc
                : shape is [not (1 or 3), _, 1 or 3];
            var channels = shape is [var first, _, var end]
                ? last
                    ? end
                    : first
                : 3;
            if (channels is not (1 or 3 or -1))
            {
                throw new GateException(
                    new Diagnostic(
                        DiagnosticCodes.ModelShape,
                        $"an input of '{policy.Model!.Text}' has the shape [{string.Join(", ", shape!.Value)}]; "
                            + "images need 1 or 3 channels, "
                            + "first or, with 'input.layout: nhwc', last.",
                        policy.Model.Position
                    )
                );
            }

            var size = policy.Input.Size is [var height, var width] ? (height, width) : ((int, int)?)null;
            return new(channels == 1 ? 1 : 3, last ? ImageLayout.Nhwc : ImageLayout.Nchw, size);
        }
    }

    private static GateException Differs(
        PolicyPath source,
        string file,
        SKBitmap image,
        string other,
        SKBitmap first
    ) =>
        source.Position.Error(
            DiagnosticCodes.DataValue,
            $"The image {Wording.Quote(Path.GetFileName(file))} is {image.Height} x {image.Width}, "
                + $"{Wording.Quote(Path.GetFileName(other))} is "
                + $"{first.Height} x {first.Width}; set 'input.size' to resize all images."
        );
}
