// Trains an image classifier by Create ML, as its app does, and says in one line of JSON how long
// it took and how well it did.
//
// Written from Apple's documentation of MLImageClassifier, and never run: none of the machines that
// this was developed on is a Mac.
//
//     createml_image TRAINING TEST ITERATIONS
//
// TRAINING and TEST are folders with a folder of images for each class, named by the class. What
// Create ML itself prints goes to standard output as well, so the line with the JSON is the last.

import CreateML
import Foundation

struct Outcome: Encodable {
    let seconds: Double  // of training: reading, augmentation and feature extraction included
    let began: Double  // training did, in seconds since 1970; of the clock that can be set
    let ended: Double
    let iterations: Int
    let trainingAccuracy: Double?
    let validationAccuracy: Double?
    let testAccuracy: Double?
    let system: String
}

func accuracy(_ metrics: MLClassifierMetrics) -> Double? {
    metrics.isValid ? 1 - metrics.classificationError : nil
}

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data((message + "\n").utf8))
    exit(1)
}

guard CommandLine.arguments.count == 4, let iterations = Int(CommandLine.arguments[3]) else {
    fail("usage: createml_image TRAINING TEST ITERATIONS")
}
let training = URL(fileURLWithPath: CommandLine.arguments[1], isDirectory: true)
let test = URL(fileURLWithPath: CommandLine.arguments[2], isDirectory: true)

let parameters = MLImageClassifier.ModelParameters(
    validation: .split(strategy: .automatic),
    maxIterations: iterations,
    augmentation: [.crop, .rotation, .blur, .exposure, .noise, .flip],
    algorithm: .transferLearning(
        featureExtractor: .scenePrint(revision: 1),
        classifier: .logisticRegressor
    )
)

do {
    let began = Date().timeIntervalSince1970
    let start = DispatchTime.now().uptimeNanoseconds
    let classifier = try MLImageClassifier(
        trainingData: .labeledDirectories(at: training),
        parameters: parameters
    )
    let stop = DispatchTime.now().uptimeNanoseconds
    let ended = Date().timeIntervalSince1970
    let outcome = Outcome(
        seconds: Double(stop - start) / 1e9,
        began: began,
        ended: ended,
        iterations: iterations,
        trainingAccuracy: accuracy(classifier.trainingMetrics),
        validationAccuracy: accuracy(classifier.validationMetrics),
        testAccuracy: accuracy(classifier.evaluation(on: .labeledDirectories(at: test))),
        system: ProcessInfo.processInfo.operatingSystemVersionString
    )
    let line = try JSONEncoder().encode(outcome)
    print("\n" + String(decoding: line, as: UTF8.self))
} catch {
    fail("Create ML could not train: \(error)")
}
