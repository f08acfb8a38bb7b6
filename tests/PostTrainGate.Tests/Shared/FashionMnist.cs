using System.Collections.Immutable;
using PostTrainGate.Data;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>The test images of Fashion-MNIST as the fixture models take them.</summary>
internal static class FashionMnist
{
    private const string Folder = "/usr/share/datasets/fashion-mnist/";
    private const string Package = "dataset-fashion-mnist";

    /// <summary>The first n test images, [n, 1, 28, 28] in [0, 1], and labels, [n]; the caller disposes them.</summary>
    public static (Tensor Images, Tensor Labels) Test(int n)
    {
        using var scope = NewDisposeScope();
        var images = IdxFile.Read(Fixtures.Debian(Folder + "t10k-images-idx3-ubyte.gz", Package)).narrow(0, 0, n);
        var labels = IdxFile.Read(Fixtures.Debian(Folder + "t10k-labels-idx1-ubyte.gz", Package)).narrow(0, 0, n);
        return (
            (images.to(float32) / 255).unsqueeze(1).MoveToOuterDisposeScope(),
            labels.to(int64).MoveToOuterDisposeScope()
        );
    }

    /// <summary>The same as rows of a policy; the caller disposes them.</summary>
    public static EvaluationSet TestSet(int n)
    {
        var (images, labels) = Test(n);
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
