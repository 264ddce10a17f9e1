"""What the exercises ask and answer: a `nictate.exercises.lesson.Lesson` each, told so that nothing else is needed."""
