using System.Collections.Immutable;
using PostTrainGate.Data;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// Fashion-MNIST from Debian's <c>dataset-fashion-mnist</c>: 60,000 and 10,000 images, [n, 1, 28, 28] in [0, 1].
/// </summary>
internal static class FashionMnist
{
    private const string Folder = "/usr/share/datasets/fashion-mnist";

    public static EvaluationSet Train() => Read("train");

    public static EvaluationSet Test() => Read("t10k");

    public static EvaluationSet Rows(this EvaluationSet set, int start, int count) =>
        set.Take([.. Enumerable.Range(start, count)]);

    private static EvaluationSet Read(string part)
    {
        using var scope = NewDisposeScope();
        var images = IdxFile
            .Read($"{Folder}/{part}-images-idx3-ubyte.gz")
            .to(float32)
            .div_(255)
            .unsqueeze(1)
            .contiguous();
        var labels = IdxFile.Read($"{Folder}/{part}-labels-idx1-ubyte.gz").to(int64);
        return new(
            images,
            labels,
            [.. Enumerable.Range(0, 10).Select(c => $"{c}")],
            ImmutableDictionary<string, GroupColumn>.Empty,
            null,
            0
        );
    }
}
