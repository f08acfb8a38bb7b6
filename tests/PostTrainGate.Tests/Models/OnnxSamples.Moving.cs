using CsCheck;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

// Operators that move, pick and resample values.
internal static partial class OnnxSamples
{
    private static IEnumerable<(string Op, Gen<OnnxSample> Gen)> Moving()
    {
        yield return Of(
            "Concat",
            from shape in AnyShape
            from axis in Axis(shape)
            select Graph(shape, w =>
                w.Node("Concat", ["input", w.Initializer("b", randn(shape)), "input"], ("axis", axis))
            )
        );
        yield return Of(
            "Expand",
            from pair in Pair
            select Graph(pair.Shape, w => w.Node("Expand", ["input", Longs(w, "shape", [2, .. pair.Shape])]))
        );
        yield return Of(
            "Flatten",
            from shape in AnyShape
            from axis in Gen.Long[-shape.Length, shape.Length]
            select Graph(shape, w => w.Then("Flatten", ("axis", axis)))
        );
        yield return Of(
            "Reshape",
            from shape in AnyShape
            from keep in Gen.Int[0, shape.Length]
            select Graph(shape, w => w.Node("Reshape", ["input", Longs(w, "shape", [.. new long[keep], -1])]))
        );
        yield return Of(
            "Transpose",
            from shape in AnyShape
            from order in Gen.Shuffle(Enumerable.Range(0, shape.Length).ToArray())
            select Graph(shape, w => w.Then("Transpose", ("perm", order.Select(i => (long)i).ToArray())))
        );
        yield return Of(
            "Squeeze",
            from shape in AnyShape
            from at in Gen.Int[0, shape.Length]
            select Graph([.. shape[..at], 1, .. shape[at..]], w =>
                w.Node("Squeeze", ["input", Longs(w, "axes", at - shape.Length - 1)])
            )
        );
        yield return Of(
            "Unsqueeze",
            from shape in AnyShape
            from at in Gen.Int[0, shape.Length + 1]
            select Graph(shape, w =>
                w.Node("Unsqueeze", ["input", Longs(w, "axes", at, -1 - (at == shape.Length + 1 ? 1 : 0))])
            )
        );
        yield return Of(
            "Split",
            from shape in AnyShape
            from axis in Axis(shape)
            from first in Gen.Long[0, 4]
            let size = shape[(axis + shape.Length) % shape.Length]
            let part = Math.Min(first, size)
            select Graph(shape, w =>
            {
                var a = w.Node("Split", ["input", Longs(w, "sizes", part, size - part)], ("axis", axis));
                w.Node("Concat", [w.Also("b"), a], ("axis", axis));
            })
        );
        yield return Of(
            "Slice",
            from shape in AnyShape
            from axis in Axis(shape)
            from start in Gen.Long[-5, 5]
            from end in Gen.Long[-5, 5]
            from step in Gen.Long[1, 3]
            from back in Gen.Bool
            select Graph(shape, w =>
                w.Node(
                    "Slice",
                    [
                        "input",
                        Longs(w, "starts", start),
                        Longs(w, "ends", end),
                        Longs(w, "axes", axis),
                        Longs(w, "steps", back ? -step : step),
                    ]
                )
            )
        );
        yield return Of(
            "Tile",
            from shape in AnyShape
            from times in Gen.Long[1, 3].Array[shape.Length]
            select Graph(shape, w => w.Node("Tile", ["input", Longs(w, "times", times)]))
        );
        yield return Of(
            "Trilu",
            from shape in AnyShape
            where shape.Length > 1
            from upper in Gen.Long[0, 1]
            from k in Gen.Long[-3, 3]
            select Graph(shape, w => w.Node("Trilu", ["input", w.Initializer("k", tensor(k))], ("upper", upper)))
        );
        yield return Of(
            "Pad",
            from shape in AnyShape
            from pads in Gen.Long[0, 2].Array[2 * shape.Length]
            from mode in One("constant", "edge", "reflect", "wrap")
            let smallest = mode == "reflect" ? 3 : 2
            let large = (long[])[.. shape.Select(d => Math.Max(d, smallest))]
            select Graph(large, w =>
                w.Node("Pad", ["input", Longs(w, "pads", pads), w.Initializer("value", tensor(0.5f))], ("mode", mode))
            )
        );
        yield return Of(
            "DepthToSpace",
            from mode in One("DCR", "CRD")
            from size in Gen.Long[1, 3]
            from c in Gen.Long[1, 2]
            from h in Gen.Long[1, 3]
            select Graph([2, c * size * size, h, 2], w => w.Then("DepthToSpace", ("blocksize", size), ("mode", mode)))
        );
        yield return Of(
            "SpaceToDepth",
            from size in Gen.Long[1, 3]
            from c in Gen.Long[1, 2]
            from h in Gen.Long[1, 3]
            select Graph([2, c, h * size, 2 * size], w => w.Then("SpaceToDepth", ("blocksize", size)))
        );
        yield return Of(
            "ReverseSequence",
            from time in Gen.Long[0, 1]
            from n in Gen.Long[2, 4]
            from lengths in Gen.Long[1, 3].Array[(int)n]
            select Graph(time == 0 ? [3, n, 2] : [n, 3, 2], w =>
                w.Node(
                    "ReverseSequence",
                    ["input", Longs(w, "lengths", lengths)],
                    ("time_axis", time),
                    ("batch_axis", 1 - time)
                )
            )
        );
        foreach (var pair in Picking().Concat(Resampling()))
            yield return pair;
    }

    private static Gen<long> Axis(long[] shape) => Gen.Long[-shape.Length, shape.Length - 1];

    private static long[] Within(int[] places, long size) => [.. places.Select(p => Math.Clamp(p, -size, size - 1))];

    private static string Longs(OnnxWriter w, string name, params long[] values) => w.Initializer(name, tensor(values));

    private static string Longs(OnnxWriter w, string name, long[] shape, params long[] values) =>
        w.Initializer(name, tensor(values).reshape(shape));
}
